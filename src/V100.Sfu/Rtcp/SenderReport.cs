using System.Buffers.Binary;
using System.Diagnostics;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>SR (RFC 3550, 6.4.1): a view, and a writer.</summary>
public readonly ref struct SenderReport
{
    private const int FixedLength = 24;

    private readonly ReadOnlySpan<byte> _body;

    private SenderReport(ReadOnlySpan<byte> body, ReportBlocks reports)
    {
        _body = body;
        Reports = reports;
    }

    public Ssrc Sender => new(BinaryPrimitives.ReadUInt32BigEndian(_body));

    /// <summary>Seconds since 1900 in 32.32 fixed point, by the sender's clock.</summary>
    public ulong NtpTime => BinaryPrimitives.ReadUInt64BigEndian(_body[4..]);

    /// <summary>The same instant in units of the stream's timestamps.</summary>
    public uint RtpTimestamp => BinaryPrimitives.ReadUInt32BigEndian(_body[12..]);

    public uint PacketCount => BinaryPrimitives.ReadUInt32BigEndian(_body[16..]);
    public uint OctetCount => BinaryPrimitives.ReadUInt32BigEndian(_body[20..]);
    public ReportBlocks Reports { get; }

    public static bool TryParse(in RtcpPacket packet, out SenderReport report)
    {
        if (packet.Type != RtcpPacketType.SenderReport || packet.Body.Length < FixedLength
            || !ReportBlocks.TryParse(packet.Body[FixedLength..], packet.Count, out ReportBlocks blocks))
        {
            report = default;
            return false;
        }

        report = new SenderReport(packet.Body, blocks);
        return true;
    }

    /// <summary>What the sender's fields say; <see cref="ReportBlock"/>s are separate.</summary>
    /// <param name="Sender">The stream.</param>
    /// <param name="NtpTime">Seconds since 1900 in 32.32 fixed point.</param>
    /// <param name="RtpTimestamp">The same instant in the stream's timestamps.</param>
    /// <param name="PacketCount">RTP packets sent since the stream began.</param>
    /// <param name="OctetCount">Their payload bytes, without headers and padding.</param>
    public readonly record struct Fields(Ssrc Sender, ulong NtpTime, uint RtpTimestamp, uint PacketCount, uint OctetCount);

    public static void Write(ref SpanWriter writer, in Fields fields, scoped ReadOnlySpan<ReportBlock> reports)
    {
        Debug.Assert(reports.Length <= ReportBlock.MaxCount);
        RtcpPacket.WriteHeader(ref writer, RtcpPacketType.SenderReport, reports.Length, FixedLength + reports.Length * ReportBlock.Length);
        writer.WriteUInt32(fields.Sender.Value);
        writer.WriteUInt64(fields.NtpTime);
        writer.WriteUInt32(fields.RtpTimestamp);
        writer.WriteUInt32(fields.PacketCount);
        writer.WriteUInt32(fields.OctetCount);
        foreach (ref readonly ReportBlock report in reports)
        {
            report.Write(ref writer);
        }
    }
}
