using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

public class PublisherClockTests(ITestOutputHelper output)
{
    private static Instant Ms(double milliseconds) => new((long)(milliseconds * 1_000_000));

    [Fact]
    public void A_report_is_placed_where_the_shortest_delay_and_the_round_trip_say()
    {
        Random random = Seeds.NewRandom(output);
        const long Ahead = 1_234L << 32;
        var clock = new PublisherClock();
        for (int report = 0; report < 100; report++)
        {
            double sentAtMs = 5_000 * report;
            double delayMs = 30 + random.Next(8) * 40 * random.NextDouble();
            delayMs = report % 8 == 0 ? 30 : delayMs;
            Instant at = clock.OnSenderReport(PublisherClock.NtpOf(Ms(sentAtMs)) + (ulong)Ahead, TimeSpan.FromMilliseconds(60), Ms(sentAtMs + delayMs));
            Assert.InRange((at - Ms(sentAtMs)).TotalMilliseconds, -1, 1);
            Assert.InRange((clock.Offset - Ahead) * 1000.0 / (1L << 32), -1, 1);
        }
    }

    [Fact]
    public void A_step_of_the_publishers_clock_is_followed_at_once_a_long_delay_is_none()
    {
        var clock = new PublisherClock();
        for (int report = 0; report < 16; report++)
        {
            long ahead = report < 8 ? 10L << 32 : 2L << 32;
            clock.OnSenderReport(PublisherClock.NtpOf(Ms(report * 1_000)) + (ulong)ahead, TimeSpan.Zero, Ms(report * 1_000));
            Assert.Equal(ahead, clock.Offset);
        }

        Instant at = clock.OnSenderReport(PublisherClock.NtpOf(Ms(16_000)) + (2UL << 32), TimeSpan.Zero, Ms(17_500));
        Assert.Equal((2L << 32, Ms(16_000)), (clock.Offset, at));
    }
}
