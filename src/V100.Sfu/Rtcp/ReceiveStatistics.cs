using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>
/// What one source's packets tell of the path, for the report block about it (RFC 3550, 6.4.1, A.3, A.8). Feed it the packets as they came:
/// a retransmission has a source of its own, so loss stays visible after its repair.
/// </summary>
/// <remarks>
/// It takes what SRTP authenticated and found new. So it has neither the probation nor the restart of RFC 3550, A.1: no stranger's packet
/// gets here, and a publisher cannot go back in its sequence without failing the replay check.
/// </remarks>
public sealed class ReceiveStatistics(Ssrc source, int clockRateHz)
{
    /// <summary>
    /// A transit time that differs by as much as this is no jitter: the sender's timestamps have leapt, or stood still in its silence.
    /// </summary>
    private const int MaxTransitStepSeconds = 1;

    private SequenceUnwrapper _unwrapper;
    private long _first;
    private long _received;
    private long _expectedAtReport;
    private long _receivedAtReport;

    // In 1/16 of a timestamp unit, as in RFC 3550, A.8.
    private long _jitterScaled;
    private uint _lastTransit;
    private bool _hasTransit;

    private uint _lastSenderReport;
    private Instant _lastSenderReportAt;

    public Ssrc Source { get; } = source;
    public int ClockRateHz { get; } = clockRateHz;
    public bool HasPackets => _received > 0;
    public long PacketCount => _received;

    /// <summary>RFC 3550, A.3: expected − received; negative with duplicates.</summary>
    public long CumulativeLost => ExpectedCount - _received;

    /// <summary>RFC 3550, A.3, by the numbers of what came.</summary>
    public long ExpectedCount => HasPackets ? _unwrapper.Newest.Value - _first + 1 : 0;

    /// <summary>In timestamp units.</summary>
    public uint Jitter => (uint)(_jitterScaled >> 4);

    /// <summary>Counts a packet and gives its number without wraps, which the rest of the receive side goes by.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="timestamp">Its timestamp.</param>
    /// <param name="now">When it came.</param>
    /// <param name="startsTalkspurt">
    /// The first audio packet after silence (its marker bit, RFC 3551, 4.1): how long that was by the sender's timestamps says nothing of the path.
    /// </param>
    public ExtendedSequence OnPacket(SequenceNumber sequence, uint timestamp, Instant now, bool startsTalkspurt = false)
    {
        ExtendedSequence extended = _unwrapper.Unwrap(sequence);
        _first = HasPackets ? Math.Min(_first, extended.Value) : extended.Value;
        _received++;
        _hasTransit &= !startsTalkspurt;
        UpdateJitter(timestamp, now);
        return extended;
    }

    /// <summary>
    /// Extends a number that came in a retransmission. It may be the newest (only retransmissions came), which makes the packet that
    /// bore it first expected, and lost.
    /// </summary>
    public ExtendedSequence OnRetransmission(SequenceNumber originalSequence)
    {
        bool isFirst = !_unwrapper.HasStarted;
        ExtendedSequence extended = _unwrapper.Unwrap(originalSequence);
        _first = isFirst ? extended.Value : _first;
        return extended;
    }

    /// <summary>Extends a number and counts nothing.</summary>
    public ExtendedSequence Peek(SequenceNumber sequence) => _unwrapper.Peek(sequence);

    public void OnSenderReport(ulong ntpTime, Instant now)
    {
        _lastSenderReport = (uint)(ntpTime >> 16);
        _lastSenderReportAt = now;
    }

    /// <summary>The block for the next report, which ends the interval that the fraction lost is about.</summary>
    public ReportBlock TakeReport(Instant now)
    {
        // RFC 3550, A.3.
        long expected = ExpectedCount - _expectedAtReport;
        long lost = expected - (_received - _receivedAtReport);
        _expectedAtReport = ExpectedCount;
        _receivedAtReport = _received;
        byte fraction = expected == 0 || lost <= 0 ? (byte)0 : (byte)Math.Min(lost * 256 / expected, 255);

        // Wraps count from 0 on the wire; the unwrapper's first circle is 1.
        uint highest = (uint)(_unwrapper.Newest.Value - 0x1_0000);
        uint delay = _lastSenderReport == 0 ? 0 : ToShortNtp(now - _lastSenderReportAt);
        int cumulative = (int)Math.Clamp(CumulativeLost, -0x80_0000, 0x7F_FFFF);
        return new ReportBlock(Source, fraction, cumulative, highest, Jitter, _lastSenderReport, delay);
    }

    // RFC 3550, A.8, with arrival in timestamp units.
    private void UpdateJitter(uint timestamp, Instant now)
    {
        uint arrival = (uint)((UInt128)(ulong)now.Nanoseconds * (uint)ClockRateHz / 1_000_000_000);
        uint transit = arrival - timestamp;
        if (_hasTransit)
        {
            long difference = Math.Abs((long)(int)(transit - _lastTransit));
            _jitterScaled += difference < (long)MaxTransitStepSeconds * ClockRateHz ? difference - ((_jitterScaled + 8) >> 4) : 0;
        }

        _lastTransit = transit;
        _hasTransit = true;
    }

    private static uint ToShortNtp(TimeSpan span) => (uint)Math.Clamp(span.Ticks * 4096 / 625_000, 0, uint.MaxValue);
}
