using System.Buffers.Binary;
using V100.Net;

namespace V100.Simulation.World;

/// <summary>Redundant audio (RFC 2198) as a client makes and reads it, by the RFC's own text and not by the server's code.</summary>
internal sealed class RedundantFrames(int redundancy)
{
    private readonly Queue<(uint Timestamp, byte[] Frame)> _last = new();

    /// <summary>The payload of a packet: the frames before, then its own.</summary>
    public byte[] Add(uint timestamp, byte[] frame, byte payloadType)
    {
        byte[] payload = new byte[2048];
        var writer = new SpanWriter(payload);
        (uint Timestamp, byte[] Frame)[] older = [.. _last.Where(last => timestamp - last.Timestamp < 1 << 14)];
        foreach ((uint time, byte[] data) in older)
        {
            writer.WriteByte((byte)(0x80 | payloadType));
            writer.WriteByte((byte)((timestamp - time) >> 6));
            writer.WriteUInt16((ushort)((timestamp - time) << 10 | (uint)data.Length));
        }

        writer.WriteByte(payloadType);
        foreach ((uint _, byte[] data) in older)
        {
            writer.Write(data);
        }

        writer.Write(frame);
        _last.Enqueue((timestamp, frame));
        if (_last.Count > redundancy)
        {
            _last.Dequeue();
        }

        Assert.False(writer.Overflowed);
        return payload[..writer.Position];
    }

    /// <summary>The blocks, the packet's own last; null where the payload makes no sense.</summary>
    public static List<(byte PayloadType, int Offset, byte[] Data)>? Read(ReadOnlySpan<byte> payload)
    {
        List<(byte PayloadType, int Offset, int Length)> headers = [];
        int position = 0;
        while (position + 4 <= payload.Length && (payload[position] & 0x80) != 0)
        {
            uint fields = BinaryPrimitives.ReadUInt32BigEndian(payload[position..]);
            headers.Add(((byte)(fields >> 24 & 0x7F), (int)(fields >> 10 & 0x3FFF), (int)(fields & 0x3FF)));
            position += 4;
        }

        if (position >= payload.Length || (payload[position] & 0x80) != 0 || payload.Length - position - 1 < headers.Sum(header => header.Length))
        {
            return null;
        }

        headers.Add((payload[position], 0, payload.Length - position - 1 - headers.Sum(header => header.Length)));
        position++;
        List<(byte, int, byte[])> blocks = [];
        foreach ((byte type, int offset, int length) in headers)
        {
            blocks.Add((type, offset, payload.Slice(position, length).ToArray()));
            position += length;
        }

        return blocks;
    }
}
