using System.Buffers.Binary;
using System.Numerics;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>REMB (draft-alvestrand-rmcat-remb-03, 2.2): what a receiver holds the path to it for, over the listed streams.</summary>
public readonly ref struct ReceiverEstimatedMaxBitrate
{
    private const int FixedLength = 16;
    private const int MantissaBits = 18;

    private readonly ReadOnlySpan<byte> _body;

    private ReceiverEstimatedMaxBitrate(ReadOnlySpan<byte> body) => _body = body;

    public Ssrc Sender => new(BinaryPrimitives.ReadUInt32BigEndian(_body));

    /// <summary>Bits per second; what does not fit into 63 bits reads as <see cref="long.MaxValue"/>.</summary>
    public long BitrateBps
    {
        get
        {
            int exponent = _body[13] >> 2;
            long mantissa = BinaryPrimitives.ReadUInt32BigEndian(_body[12..]) & 0x3_FFFF;
            return BitOperations.LeadingZeroCount((ulong)mantissa) > exponent ? mantissa << exponent : long.MaxValue;
        }
    }

    public int Count => _body[12];

    public Ssrc this[int index] => new(BinaryPrimitives.ReadUInt32BigEndian(_body.Slice(FixedLength, 4 * Count)[(4 * index)..]));

    private static ReadOnlySpan<byte> UniqueIdentifier => "REMB"u8;

    public static bool TryParse(in RtcpPacket packet, out ReceiverEstimatedMaxBitrate estimate)
    {
        ReadOnlySpan<byte> body = packet.Body;
        bool valid = packet.IsPayloadFeedback(PayloadFeedbackFormat.ApplicationLayer)
            && body.Length >= FixedLength
            && body.Slice(8, 4).SequenceEqual(UniqueIdentifier)
            && body.Length >= FixedLength + 4 * body[12];
        estimate = valid ? new ReceiverEstimatedMaxBitrate(body) : default;
        return valid;
    }

    /// <param name="writer">Where the packet goes.</param>
    /// <param name="sender">Who reports.</param>
    /// <param name="bitrateBps">Not negative; rounded down to 18 significant bits.</param>
    /// <param name="sources">At most 255.</param>
    public static void Write(ref SpanWriter writer, Ssrc sender, long bitrateBps, scoped ReadOnlySpan<Ssrc> sources)
    {
        int exponent = Math.Max(0, 64 - MantissaBits - BitOperations.LeadingZeroCount((ulong)bitrateBps));
        RtcpPacket.WriteHeader(
            ref writer, RtcpPacketType.PayloadFeedback, (int)PayloadFeedbackFormat.ApplicationLayer, FixedLength + 4 * sources.Length);
        writer.WriteUInt32(sender.Value);
        writer.WriteUInt32(0);
        writer.Write(UniqueIdentifier);
        writer.WriteByte((byte)sources.Length);
        writer.WriteUInt24((uint)exponent << MantissaBits | (uint)(bitrateBps >> exponent));
        foreach (Ssrc source in sources)
        {
            writer.WriteUInt32(source.Value);
        }
    }
}
