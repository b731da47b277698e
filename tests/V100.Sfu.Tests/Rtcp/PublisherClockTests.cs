using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

public class PublisherClockTests(ITestOutputHelper output)
{
    private static Instant Ms(double milliseconds) => new((long)(milliseconds * 1_000_000));

    [Fact]
    public void A_capture_time_is_told_by_V100s_clock_as_well_as_the_shortest_delay_allows()
    {
        Random random = Seeds.NewRandom(output);
        const long Ahead = 1_234L << 32;
        var clock = new PublisherClock();
        Assert.False(clock.TryMap(new AbsoluteCaptureTime(1, null), out _));
        for (int report = 0; report < 100; report++)
        {
            double sentAtMs = 5_000 * report;
            double delayMs = 30 + random.Next(8) * 40 * random.NextDouble();
            delayMs = report % 8 == 0 ? 30 : delayMs;
            clock.OnSenderReport(PublisherClock.NtpOf(Ms(sentAtMs)) + (ulong)Ahead, TimeSpan.FromMilliseconds(60), Ms(sentAtMs + delayMs));
            ulong capturedAt = PublisherClock.NtpOf(Ms(sentAtMs)) + Ahead;
            Assert.True(clock.TryMap(new AbsoluteCaptureTime(capturedAt, null), out AbsoluteCaptureTime mapped));
            Assert.Equal(capturedAt, mapped.CapturedAt);

            // Capturer's clock − V100's = offset, so capture time − offset is V100's time of the capture.
            double byV100Ms = (long)(mapped.CapturedAt - (ulong)mapped.ClockOffset!.Value) * 1000.0 / (1L << 32);
            Assert.InRange(byV100Ms, sentAtMs - 1, sentAtMs + 1);
            Assert.True(clock.TryMap(new AbsoluteCaptureTime(capturedAt, 5L << 32), out AbsoluteCaptureTime behindMixer));
            Assert.Equal(mapped.ClockOffset + (5L << 32), behindMixer.ClockOffset);
        }
    }

    [Fact]
    public void A_step_of_the_publishers_clock_is_followed_after_some_reports()
    {
        var clock = new PublisherClock();
        for (int report = 0; report < 16; report++)
        {
            long ahead = report < 8 ? 10L << 32 : 2L << 32;
            clock.OnSenderReport(PublisherClock.NtpOf(Ms(report * 1_000)) + (ulong)ahead, TimeSpan.Zero, Ms(report * 1_000));
        }

        Assert.Equal(2L << 32, clock.Offset);
    }
}
