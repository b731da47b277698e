using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Simulation.World;

namespace V100.Client;

/// <summary>One stream that a client plays: which of its packets are new, which are missed and asked for, and what its reports say.</summary>
internal sealed class IncomingStream(OfferSection section)
{
    private static readonly Ssrc _reporter = new(1);

    private readonly GapTracker _gaps = new(section.Kind == MediaKind.Video ? GapLimits.Video : GapLimits.Audio);
    private ReceiveStatistics? _statistics;
    private SequenceUnwrapper _numbers;

    public OfferSection Section { get; } = section;

    public OfferedFormat Format => Section.Formats[0];

    public bool HasPackets => _statistics is not null;

    public Ssrc Ssrc => _statistics!.Source;

    /// <summary>When something is to be asked for; only video is.</summary>
    public Instant NextDeadline => Section.Kind == MediaKind.Video ? _gaps.NextDeadline : Instant.Never;

    /// <summary>Times that a packet was asked for.</summary>
    public long Nacks { get; private set; }

    public long KeyframeRequests { get; private set; }

    /// <summary>Counts a packet of the stream itself. True for one that is new.</summary>
    public bool Take(in RtpReader rtp, Instant now)
    {
        _statistics ??= new ReceiveStatistics(rtp.Ssrc, Format.ClockRateHz);
        _statistics.OnPacket(rtp.SequenceNumber, rtp.Timestamp, now);
        return IsNew(rtp.SequenceNumber, now);
    }

    /// <summary>Counts a packet that came as a retransmission. True for one that is new.</summary>
    public bool TakeAgain(SequenceNumber original, Instant now) => HasPackets && IsNew(original, now);

    public void OnSenderReport(in SenderReport report, Instant now)
    {
        if (_statistics is not null && _statistics.Source == report.Sender)
        {
            _statistics.OnSenderReport(report.NtpTime, now);
        }
    }

    public ReportBlock TakeReport(Instant now) => _statistics!.TakeReport(now);

    /// <summary>Asks for what is due, and for a keyframe where that no longer helps.</summary>
    public void WriteRequests(ref SpanWriter writer, Instant now)
    {
        Nacks += _gaps.WriteNacks(ref writer, _reporter, Ssrc, now, TimeSpan.Zero);
        if (_gaps.TryTakeKeyframeNeed() && writer.Remaining >= PictureLossIndication.Length)
        {
            KeyframeRequests++;
            new PictureLossIndication(_reporter, Ssrc).Write(ref writer);
        }
    }

    private bool IsNew(SequenceNumber number, Instant now) => _gaps.OnPacket(_numbers.Unwrap(number), now) != PacketArrival.Unexpected;
}
