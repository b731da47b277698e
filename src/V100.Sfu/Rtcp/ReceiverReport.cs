using System.Diagnostics;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>RR (RFC 3550, 6.4.2): a view, and a writer.</summary>
public readonly ref struct ReceiverReport
{
    private ReceiverReport(Ssrc sender, ReportBlocks reports)
    {
        Sender = sender;
        Reports = reports;
    }

    public Ssrc Sender { get; }
    public ReportBlocks Reports { get; }

    public static bool TryParse(in RtcpPacket packet, out ReceiverReport report)
    {
        if (packet.Type != RtcpPacketType.ReceiverReport || packet.Body.Length < 4
            || !ReportBlocks.TryParse(packet.Body[4..], packet.Count, out ReportBlocks blocks))
        {
            report = default;
            return false;
        }

        report = new ReceiverReport(packet.Sender, blocks);
        return true;
    }

    /// <summary>Without blocks it is the empty report that a compound packet must begin with when there is nothing to say.</summary>
    public static void Write(ref SpanWriter writer, Ssrc sender, scoped ReadOnlySpan<ReportBlock> reports)
    {
        Debug.Assert(reports.Length <= ReportBlock.MaxCount);
        RtcpPacket.WriteHeader(ref writer, RtcpPacketType.ReceiverReport, reports.Length, 4 + reports.Length * ReportBlock.Length);
        writer.WriteUInt32(sender.Value);
        foreach (ref readonly ReportBlock report in reports)
        {
            report.Write(ref writer);
        }
    }
}
