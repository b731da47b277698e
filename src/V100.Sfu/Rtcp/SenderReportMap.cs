using V100.Net;

namespace V100.Sfu.Rtcp;

/// <summary>
/// The publisher's own relation between wall clock and timestamps, from its last sender report. What V100 tells a subscriber is this
/// relation, moved onto the subscription's timestamps: two streams of one publisher stay in step whatever their packets' delays were.
/// A mutable struct: hold it in a field, not in a readonly one.
/// </summary>
public struct SenderReportMap
{
    private ulong _ntpTime;
    private uint _timestamp;
    private Instant _at;

    /// <summary>A sender report came; before that there is nothing to tell, and no sender report to send.</summary>
    public bool HasReport { get; private set; }

    /// <param name="ntpTime">By the publisher's clock.</param>
    /// <param name="timestamp">The same instant in the publisher's timestamps.</param>
    /// <param name="at">The same instant by V100's clock, or when the report came.</param>
    public void OnSenderReport(ulong ntpTime, uint timestamp, Instant at)
    {
        _ntpTime = ntpTime;
        _timestamp = timestamp;
        _at = at;
        HasReport = true;
    }

    /// <summary>The point of the relation for a report that is sent now.</summary>
    /// <param name="now">The present, by V100's clock: it only says how far along the line the point lies.</param>
    /// <param name="clockRateHz">Of the timestamps.</param>
    /// <param name="timestampOffset">The subscription's output − source.</param>
    /// <param name="ntpTime">By the publisher's clock.</param>
    /// <param name="timestamp">The same instant on the subscription's base.</param>
    public readonly bool TryMap(Instant now, int clockRateHz, uint timestampOffset, out ulong ntpTime, out uint timestamp)
    {
        // Both sides from one whole number of timestamp units, so that rounding does not move the line.
        long elapsedNs = Math.Max(0, now.Nanoseconds - _at.Nanoseconds);
        ulong units = (ulong)((UInt128)(ulong)elapsedNs * (uint)clockRateHz / 1_000_000_000);
        ntpTime = _ntpTime + UnitsToNtp(units, clockRateHz);
        timestamp = _timestamp + (uint)units + timestampOffset;
        return HasReport;
    }

    /// <summary>
    /// Which timestamp of the stream <paramref name="to"/> is the same instant as <paramref name="timestamp"/> in the stream
    /// <paramref name="from"/> of the same publisher and clock rate. False while either has no report.
    /// </summary>
    public static bool TryTranslate(in SenderReportMap from, in SenderReportMap to, uint timestamp, int clockRateHz, out uint translated)
    {
        long ntpApart = (long)(from._ntpTime - to._ntpTime);
        long units = (long)((Int128)ntpApart * clockRateHz >> 32);
        translated = (uint)(to._timestamp + units + (int)(timestamp - from._timestamp));
        return from.HasReport && to.HasReport;
    }

    /// <summary>
    /// Which output − source puts the stream <paramref name="next"/> onto the base on which <paramref name="former"/>, of the same publisher and
    /// clock rate, is with <paramref name="formerOffset"/>: the same instant gets the same output. False while either has no report.
    /// </summary>
    public static bool TryAlign(in SenderReportMap former, in SenderReportMap next, uint formerOffset, int clockRateHz, out uint nextOffset)
    {
        bool isKnown = TryTranslate(in next, in former, next._timestamp, clockRateHz, out uint translated);
        nextOffset = translated + formerOffset - next._timestamp;
        return isKnown;
    }

    private static ulong UnitsToNtp(ulong units, int clockRateHz) => (ulong)(((UInt128)units << 32) / (uint)clockRateHz);
}
