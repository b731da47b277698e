using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class RateWindowTests
{
    [Theory]
    [InlineData(200)]
    [InlineData(500)]
    public void An_even_stream_has_its_rate_from_any_start(int windowMs)
    {
        foreach (long start in (long[])[-5_000_000, 0, 1L << 50])
        {
            var window = new RateWindow();
            for (int packet = 0; packet < 1_000; packet++)
            {
                window.Add(start + packet * 5_000, 1_250);
            }

            Assert.InRange(window.RateBps(windowMs), 1_850_000, 2_150_000);
        }
    }

    [Fact]
    public void A_stop_is_seen_against_a_clock_that_goes_on()
    {
        var window = new RateWindow();
        for (int packet = 0; packet < 1_000; packet++)
        {
            window.Add(packet * 5_000, 1_250);
        }

        Assert.InRange(window.RateBps(500, 5_250_000), 900_000, 1_200_000);
        Assert.Equal(0, window.RateBps(500, 6_000_000));
    }

    [Fact]
    public void Too_little_says_nothing()
    {
        var window = new RateWindow();
        Assert.Equal(0, window.RateBps(500));
        window.Add(0, 1_200);
        window.Add(1_000, 1_200);
        Assert.Equal(0, window.RateBps(500));
    }
}
