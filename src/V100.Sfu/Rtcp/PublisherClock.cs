using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>
/// How far a publisher's wall clock is ahead of V100's clock, by its sender reports: of the last ones the one that travelled the shortest
/// tells, plus half the round trip where that is known. A mutable struct: hold it in a field, not in a readonly one.
/// </summary>
/// <remarks>
/// Where sender reports go on with the publisher's clock (<see cref="SenderReportMap"/>), a subscriber takes that for the sender's and a capture time
/// stays true as it is. <see cref="TryMap"/> serves what is told by V100's own clock: taps, and streams without reports of their own.
/// </remarks>
public struct PublisherClock
{
    private const int RememberedReports = 8;

    private Offsets _offsets;
    private int _count;

    [System.Runtime.CompilerServices.InlineArray(RememberedReports)]
    private struct Offsets
    {
        private long _first;
    }

    public readonly bool HasOffset => _count > 0;

    /// <summary>Publisher's clock − V100's, signed 32.32 fixed point in seconds.</summary>
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

            return HasOffset ? largest : 0;
        }
    }

    /// <summary>V100's clock as NTP's: its origin is its own, which the offset takes up.</summary>
    public static ulong NtpOf(Instant now) => (ulong)(((UInt128)(ulong)now.Nanoseconds << 32) / 1_000_000_000);

    /// <param name="ntpTime">The publisher's, in the report.</param>
    /// <param name="roundTrip">To the publisher; zero where it is not known.</param>
    /// <param name="now">When the report came.</param>
    public void OnSenderReport(ulong ntpTime, TimeSpan roundTrip, Instant now)
    {
        long oneWay = (long)(((Int128)roundTrip.Ticks << 32) / TimeSpan.TicksPerSecond / 2);
        _offsets[_count % RememberedReports] = (long)(ntpTime - NtpOf(now)) + oneWay;
        _count = _count + 1 == int.MaxValue - int.MaxValue % RememberedReports ? RememberedReports : _count + 1;
    }

    /// <summary>The same capture time as a sender with V100's clock says it. False before a report came.</summary>
    public readonly bool TryMap(in AbsoluteCaptureTime published, out AbsoluteCaptureTime mapped)
    {
        mapped = new AbsoluteCaptureTime(published.CapturedAt, unchecked((published.ClockOffset ?? 0) + Offset));
        return HasOffset;
    }
}
