using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>PLI (RFC 4585, 6.3.1): the receiver of a stream needs a key frame.</summary>
public readonly record struct PictureLossIndication(Ssrc Sender, Ssrc Media)
{
    public const int Length = 12;

    public static bool TryParse(in RtcpPacket packet, out PictureLossIndication indication)
    {
        bool valid = packet.IsPayloadFeedback(PayloadFeedbackFormat.PictureLossIndication) && packet.Body.Length >= 8;
        indication = valid
            ? new PictureLossIndication(packet.Sender, new Ssrc(BinaryPrimitives.ReadUInt32BigEndian(packet.Body[4..])))
            : default;
        return valid;
    }

    public void Write(ref SpanWriter writer)
    {
        RtcpPacket.WriteHeader(
            ref writer, RtcpPacketType.PayloadFeedback, (int)PayloadFeedbackFormat.PictureLossIndication, Length - RtcpPacket.HeaderLength);
        writer.WriteUInt32(Sender.Value);
        writer.WriteUInt32(Media.Value);
    }
}
