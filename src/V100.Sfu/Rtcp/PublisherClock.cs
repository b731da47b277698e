using V100.Net;

namespace V100.Sfu.Rtcp;

/// <summary>
/// How far a publisher's wall clock is ahead of V100's clock, by its sender reports: of the last ones the one that travelled the shortest
/// tells, plus half the round trip where that is known. A mutable struct: hold it in a field, not in a readonly one.
/// </summary>
/// <remarks>
/// By it a report goes on to subscribers as if every one had travelled as fast as the fastest (<see cref="SenderReportMap"/>): what they take for
/// the sender's clock is the publisher's, and does not shake with its path. The offset in an absolute capture time is between the capturer's clock
/// and that of the reports, so it stays true as the publisher wrote it.
/// </remarks>
public struct PublisherClock
{
    private const int RememberedReports = 8;

    /// <summary>A report that would have been on its way for longer tells that the publisher's clock was set.</summary>
    private const long MaxLateness = 2L << 32;

    private Offsets _offsets;
    private int _count;

    [System.Runtime.CompilerServices.InlineArray(RememberedReports)]
    private struct Offsets
    {
        private long _first;
    }

    /// <summary>Publisher's clock − V100's, signed 32.32 fixed point in seconds; 0 before a report came.</summary>
    public readonly long Offset
    {
        get
        {
            // A report that took longer makes the publisher seem further behind.
            long largest = long.MinValue;
            for (int index = 0; index < Math.Min(_count, RememberedReports); index++)
            {
                largest = Math.Max(largest, _offsets[index]);
            }

            return _count > 0 ? largest : 0;
        }
    }

    /// <summary>V100's clock as NTP's: its origin is its own, which the offset takes up.</summary>
    public static ulong NtpOf(Instant now) => (ulong)(((UInt128)(ulong)now.Nanoseconds << 32) / 1_000_000_000);

    /// <summary>A report came.</summary>
    /// <param name="ntpTime">The publisher's, in the report.</param>
    /// <param name="roundTrip">To the publisher; zero where it is not known.</param>
    /// <param name="now">When the report came.</param>
    /// <returns>When, by V100's clock, the publisher's clock stood there; where the round trip is not known, plus the shortest time on the way.</returns>
    public Instant OnSenderReport(ulong ntpTime, TimeSpan roundTrip, Instant now)
    {
        long arrived = (long)(ntpTime - NtpOf(now));
        long offset = arrived + (long)(((Int128)roundTrip.Ticks << 32) / TimeSpan.TicksPerSecond / 2);
        if (Int128.Abs((Int128)Offset - offset) > MaxLateness)
        {
            _count = 0;
        }

        _offsets[_count % RememberedReports] = offset;
        _count = _count + 1 == int.MaxValue - int.MaxValue % RememberedReports ? RememberedReports : _count + 1;
        return now - TimeSpan.FromTicks((long)(((Int128)Offset - arrived) * TimeSpan.TicksPerSecond >> 32));
    }
}
