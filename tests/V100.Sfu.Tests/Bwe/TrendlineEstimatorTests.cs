using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class TrendlineEstimatorTests
{
    private static double SlopeAfter(double delayMs, int groups)
    {
        var trendline = new TrendlineEstimator();
        for (int group = 1; group <= groups; group++)
        {
            trendline.Update(new GroupDelta(10, 10 + delayMs, group * (long)((10 + delayMs) * 1000)));
        }

        return trendline.Slope;
    }

    [Fact]
    public void The_slope_of_a_queue_that_grows_evenly_is_its_growth() => Assert.Equal(0.5 / 10.5, SlopeAfter(0.5, 200), 3);

    [Fact]
    public void A_queue_that_drains_has_a_negative_slope() => Assert.True(SlopeAfter(-0.5, 100) < -0.03);

    [Fact]
    public void Without_a_full_window_there_is_no_slope() => Assert.Equal(0, SlopeAfter(5, TrendlineEstimator.WindowLength - 1));

    [Fact]
    public void Constant_delay_has_no_slope_however_long_it_goes_on() => Assert.Equal(0, SlopeAfter(0, 50_000), 9);
}
