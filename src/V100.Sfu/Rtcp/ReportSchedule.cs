using V100.Net;

namespace V100.Sfu.Rtcp;

/// <summary>
/// When sender and receiver reports are due: about every second, between half and one and a half of it so that many peers do not
/// report in step (RFC 3550, 6.2; the profile's shorter minimum of RFC 4585, 3.4 applies). A mutable struct.
/// </summary>
public struct ReportSchedule
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private Instant _deadline;
    private bool _isArmed;

    public readonly Instant NextDeadline => _isArmed ? _deadline : Instant.Never;

    /// <summary>Sets the first or next deadline; call it at the start and after each report.</summary>
    /// <param name="now">The present.</param>
    /// <param name="random">Any 32 random bits.</param>
    public void Arm(Instant now, uint random)
    {
        _deadline = now + Interval / 2 + TimeSpan.FromTicks((long)((ulong)Interval.Ticks * random >> 32));
        _isArmed = true;
    }

    public readonly bool IsDue(Instant now) => now >= NextDeadline;
}
