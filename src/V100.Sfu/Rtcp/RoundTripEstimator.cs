using V100.Net;

namespace V100.Sfu.Rtcp;

/// <summary>
/// Round-trip time from report blocks about V100's own sender reports (RFC 3550, 6.4.1). The reports bear the publisher's clock, so the
/// time of sending is looked up by the report's own NTP time instead of being computed from it.
/// </summary>
public sealed class RoundTripEstimator
{
    private const int RememberedReports = 8;

    private readonly (uint ShortNtp, Instant SentAt)[] _sent = new (uint, Instant)[RememberedReports];
    private int _next;

    /// <summary>A measurement was made.</summary>
    public bool HasEstimate { get; private set; }

    /// <summary>Smoothed with a weight of 1/8 (RFC 6298, 2.3); zero while there is no measurement.</summary>
    public TimeSpan Smoothed { get; private set; }

    /// <summary>Remembers a report; the eighth after it makes it forgotten.</summary>
    public void OnSenderReportSent(ulong ntpTime, Instant now)
    {
        _sent[_next] = ((uint)(ntpTime >> 16), now);
        _next = (_next + 1) % RememberedReports;
    }

    /// <summary>Takes what a receiver says. False when the block names no report that is remembered, or a delay that cannot be.</summary>
    public bool OnReportBlock(in ReportBlock block, Instant now)
    {
        if (block.LastSenderReport == 0)
        {
            return false;
        }

        foreach ((uint shortNtp, Instant sentAt) in _sent)
        {
            if (shortNtp != block.LastSenderReport)
            {
                continue;
            }

            TimeSpan delay = TimeSpan.FromTicks((long)block.DelaySinceLastSenderReport * 625_000 / 4096);
            TimeSpan measured = now - sentAt - delay;

            // A receiver's clock may run a little fast; more than that is not a round trip.
            if (measured < TimeSpan.FromMilliseconds(-10))
            {
                return false;
            }

            measured = measured < TimeSpan.Zero ? TimeSpan.Zero : measured;
            Smoothed = HasEstimate ? Smoothed + (measured - Smoothed) / 8 : measured;
            HasEstimate = true;
            return true;
        }

        return false;
    }
}
