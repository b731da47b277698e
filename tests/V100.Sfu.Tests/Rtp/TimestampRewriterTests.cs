using V100.Net;
using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class TimestampRewriterTests(ITestOutputHelper output)
{
    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    [Fact]
    public void Within_a_source_distances_stay_through_the_wrap()
    {
        var rewriter = new TimestampRewriter(500, 90_000);
        Assert.Equal(500u, rewriter.Rewrite(uint.MaxValue - 10, Ms(0)));
        Assert.Equal(3_500u, rewriter.Rewrite(2_989, Ms(33)));
        Assert.Equal(500u, rewriter.Rewrite(uint.MaxValue - 10, Ms(40))); // a late one
        Assert.Equal(511u, rewriter.Offset);
    }

    [Fact]
    public void A_change_of_source_goes_forward_by_the_time_that_passed()
    {
        var rewriter = new TimestampRewriter(1_000, 90_000);
        rewriter.Rewrite(7_000, Ms(0));
        rewriter.SwitchTo(4_000_000_000, Ms(100));
        Assert.Equal(10_000u, rewriter.Rewrite(4_000_000_000, Ms(100)));
        rewriter.SwitchTo(5, Ms(100));
        Assert.Equal(10_001u, rewriter.Rewrite(5, Ms(100)));
    }

    [Theory]
    [InlineData(2_900, 2_900)] // the reports agree with the clock, nearly
    [InlineData(900, 1_001)] // they would go back
    [InlineData(1_000_000, 1_000 + 1_800 + 6_750)] // they would leap: 75 ms beyond the time that passed
    public void Alignment_by_sender_reports_is_bounded(int aligned, int expected)
    {
        var rewriter = new TimestampRewriter(1_000, 90_000);
        rewriter.Rewrite(7_000, Ms(0));
        rewriter.SwitchTo(123, Ms(20), (uint)aligned);
        Assert.Equal((uint)expected, rewriter.Rewrite(123, Ms(20)));
    }

    [Fact]
    public void What_begins_in_front_of_its_place_comes_back_to_it_without_going_back()
    {
        var rewriter = new TimestampRewriter(100_000, 90_000);
        rewriter.Rewrite(0, Ms(0));
        rewriter.SwitchTo(50_000, Ms(10), 97_000); // 33 ms behind what was sent
        Assert.Equal(unchecked(97_000u - 50_000), rewriter.AlignedOffset);
        uint last = rewriter.Rewrite(50_000, Ms(10));
        Assert.Equal(100_001u, last);
        var sent = new List<(uint Source, uint Output)>();
        for (uint frame = 1; frame <= 12; frame++)
        {
            uint next = rewriter.Rewrite(50_000 + frame * 3_000, Ms(10 + frame * 33));
            Assert.InRange(next - last, 3_000u * 7 / 8, 3_000u);
            sent.Add((50_000 + frame * 3_000, next));
            last = next;
        }

        Assert.Equal(97_000u + 12 * 3_000, last);
        Assert.Equal(rewriter.AlignedOffset, rewriter.Offset);

        // A packet that comes late has the output of the others of its frame.
        Assert.All(sent, pair => Assert.Equal(pair.Output, rewriter.Rewrite(pair.Source, Ms(1_000))));
    }

    [Fact]
    public void Random_switches_never_go_back_or_leap()
    {
        Random random = Seeds.NewRandom(output);
        var rewriter = new TimestampRewriter((uint)random.NextInt64(1L << 32), 90_000);
        uint source = 0;
        uint last = rewriter.Rewrite(source, Ms(0));
        long now = 0;
        for (int step = 0; step < 10_000; step++)
        {
            int passed = random.Next(0, 50);
            now += passed;
            if (random.Next(10) == 0)
            {
                source = (uint)random.NextInt64(1L << 32);
                rewriter.SwitchTo(source, Ms(now), random.Next(2) == 0 ? (uint)random.NextInt64(1L << 32) : null);
            }
            else
            {
                source += (uint)(passed * 90);
            }

            uint next = rewriter.Rewrite(source, Ms(now));
            Assert.InRange((int)(next - last), 0, (passed + 75) * 90 + 1);
            last = next;
        }
    }
}
