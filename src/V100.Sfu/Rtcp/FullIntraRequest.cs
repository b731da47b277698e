using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>FIR (RFC 5104, 4.3.1): streams of which a key frame is demanded, each with a command number that a repetition keeps.</summary>
public readonly ref struct FullIntraRequest
{
    private const int FixedLength = 8;
    private const int EntryLength = 8;

    private readonly ReadOnlySpan<byte> _body;

    private FullIntraRequest(ReadOnlySpan<byte> body) => _body = body;

    public Ssrc Sender => new(BinaryPrimitives.ReadUInt32BigEndian(_body));

    public int Count => (_body.Length - FixedLength) / EntryLength;

    /// <summary>The stream and the command number of an entry. The packet's own media SSRC is 0 and means nothing.</summary>
    public (Ssrc Media, byte CommandSequence) this[int index]
    {
        get
        {
            ReadOnlySpan<byte> entry = _body.Slice(FixedLength + EntryLength * index, EntryLength);
            return (new Ssrc(BinaryPrimitives.ReadUInt32BigEndian(entry)), entry[4]);
        }
    }

    public static bool TryParse(in RtcpPacket packet, out FullIntraRequest request)
    {
        bool valid = packet.IsPayloadFeedback(PayloadFeedbackFormat.FullIntraRequest) && packet.Body.Length >= FixedLength + EntryLength;
        request = valid ? new FullIntraRequest(packet.Body) : default;
        return valid;
    }

    public static void Write(ref SpanWriter writer, Ssrc sender, Ssrc media, byte commandSequence)
    {
        RtcpPacket.WriteHeader(
            ref writer, RtcpPacketType.PayloadFeedback, (int)PayloadFeedbackFormat.FullIntraRequest, FixedLength + EntryLength);
        writer.WriteUInt32(sender.Value);
        writer.WriteUInt32(0);
        writer.WriteUInt32(media.Value);
        writer.WriteByte(commandSequence);
        writer.WriteZeros(3);
    }
}
