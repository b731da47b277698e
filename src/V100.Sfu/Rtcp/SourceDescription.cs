using System.Diagnostics;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>SDES (RFC 3550, 6.5): the CNAME of each chunk, by enumeration, and a writer of one.</summary>
public readonly ref struct SourceDescription
{
    private const byte CanonicalNameItem = 1;

    private readonly ReadOnlySpan<byte> _body;
    private readonly int _count;

    private SourceDescription(ReadOnlySpan<byte> body, int count)
    {
        _body = body;
        _count = count;
    }

    public static bool TryParse(in RtcpPacket packet, out SourceDescription description)
    {
        description = default;
        if (packet.Type != RtcpPacketType.SourceDescription)
        {
            return false;
        }

        int position = 0;
        for (int chunk = 0; chunk < packet.Count; chunk++)
        {
            if (!TryReadChunk(packet.Body, ref position, out _))
            {
                return false;
            }
        }

        description = new SourceDescription(packet.Body, packet.Count);
        return true;
    }

    public Enumerator GetEnumerator() => new(this);

    /// <param name="writer">Where the packet goes.</param>
    /// <param name="source">The stream.</param>
    /// <param name="canonicalName">UTF-8, at most 255 bytes; equal for all streams of one clock.</param>
    public static void Write(ref SpanWriter writer, Ssrc source, scoped ReadOnlySpan<byte> canonicalName)
    {
        Debug.Assert(canonicalName.Length <= byte.MaxValue);

        // RFC 3550, 6.5: items end with at least one zero byte, up to the next word.
        int items = 2 + canonicalName.Length;
        int padded = items + 4 & ~3;
        RtcpPacket.WriteHeader(ref writer, RtcpPacketType.SourceDescription, 1, 4 + padded);
        writer.WriteUInt32(source.Value);
        writer.WriteByte(CanonicalNameItem);
        writer.WriteByte((byte)canonicalName.Length);
        writer.Write(canonicalName);
        writer.WriteZeros(padded - items);
    }

    private static bool TryReadChunk(ReadOnlySpan<byte> body, scoped ref int position, out Chunk chunk)
    {
        chunk = default;
        var reader = new SpanReader(body[position..]);
        if (!reader.TryReadUInt32(out uint source))
        {
            return false;
        }

        ReadOnlySpan<byte> name = default;
        while (true)
        {
            if (!reader.TryReadByte(out byte item))
            {
                return false;
            }

            if (item == 0)
            {
                break;
            }

            if (!reader.TryReadByte(out byte length) || !reader.TryRead(length, out ReadOnlySpan<byte> text))
            {
                return false;
            }

            name = item == CanonicalNameItem ? text : name;
        }

        chunk = new Chunk(new Ssrc(source), name);
        if (!reader.TrySkip(-reader.Position & 3))
        {
            return false;
        }

        position += reader.Position;
        return true;
    }

    /// <summary>A stream and the name of its clock; empty when the chunk has none.</summary>
    public readonly ref struct Chunk(Ssrc source, ReadOnlySpan<byte> canonicalName)
    {
        public readonly Ssrc Source = source;
        public readonly ReadOnlySpan<byte> CanonicalName = canonicalName;
    }

    public ref struct Enumerator(SourceDescription description)
    {
        private readonly ReadOnlySpan<byte> _body = description._body;
        private int _position;
        private int _left = description._count;
        private Chunk _current;

        public readonly Chunk Current => _current;

        public bool MoveNext() => _left-- > 0 && TryReadChunk(_body, ref _position, out _current);
    }
}
