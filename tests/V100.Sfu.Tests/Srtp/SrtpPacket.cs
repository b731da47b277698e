using System.Buffers.Binary;

namespace V100.Sfu.Tests.Srtp;

/// <summary>RTP packets with a fixed header, as far as SRTP looks at them.</summary>
internal static class SrtpPacket
{
    public const int HeaderLength = 12;

    public static byte[] Rtp(uint ssrc, ushort sequenceNumber, ReadOnlySpan<byte> payload)
    {
        byte[] packet = new byte[HeaderLength + payload.Length];
        packet[0] = 0x80;
        packet[1] = 96;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), sequenceNumber);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), 0xdecafbad);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(8), ssrc);
        payload.CopyTo(packet.AsSpan(HeaderLength));
        return packet;
    }

    public static byte[] Rtcp(uint ssrc, int bodyLength = 20)
    {
        byte[] packet = new byte[8 + bodyLength];
        packet[0] = 0x80;
        packet[1] = 200;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)(packet.Length / 4 - 1));
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), ssrc);
        for (int at = 8; at < packet.Length; at++)
        {
            packet[at] = (byte)at;
        }

        return packet;
    }
}
