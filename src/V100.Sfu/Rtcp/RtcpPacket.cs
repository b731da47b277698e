using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>One packet of a compound: its header's fields and its body without padding. A view; the typed views are made from it.</summary>
public readonly ref struct RtcpPacket(RtcpPacketType type, byte count, ReadOnlySpan<byte> body)
{
    /// <summary>Bytes of the header that all packets share.</summary>
    public const int HeaderLength = 4;

    public readonly RtcpPacketType Type = type;

    /// <summary>Five bits: a count of reports, sources or chunks, or the format (FMT) of feedback.</summary>
    public readonly byte Count = count;

    /// <summary>What stands behind the four header bytes.</summary>
    public readonly ReadOnlySpan<byte> Body = body;

    /// <summary>The SSRC at the body's start, which all types but SDES and BYE begin with; 0 when there is none.</summary>
    public Ssrc Sender => new(Body.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(Body) : 0);

    public bool IsTransportFeedback(TransportFeedbackFormat format) =>
        Type == RtcpPacketType.TransportFeedback && Count == (byte)format;

    public bool IsPayloadFeedback(PayloadFeedbackFormat format) =>
        Type == RtcpPacketType.PayloadFeedback && Count == (byte)format;

    /// <param name="writer">Where the packet begins.</param>
    /// <param name="type">The packet type.</param>
    /// <param name="count">Five bits.</param>
    /// <param name="bodyLength">In bytes, a multiple of four.</param>
    internal static void WriteHeader(ref SpanWriter writer, RtcpPacketType type, int count, int bodyLength)
    {
        writer.WriteByte((byte)(0x80 | count));
        writer.WriteByte((byte)type);
        writer.WriteUInt16((ushort)(bodyLength / 4));
    }
}
