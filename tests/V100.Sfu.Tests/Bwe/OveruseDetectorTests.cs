using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class OveruseDetectorTests
{
    [Fact]
    public void A_trend_that_stays_above_the_threshold_is_overuse_and_one_spike_is_not()
    {
        var detector = new OveruseDetector();
        detector.Update(20, 6, 6_000);
        Assert.Equal(DelaySignal.Normal, detector.Signal);
        detector.Update(0, 6, 12_000);
        detector.Update(20, 6, 18_000);
        detector.Update(21, 6, 24_000);
        detector.Update(22, 6, 30_000);
        Assert.Equal(DelaySignal.Overuse, detector.Signal);
    }

    [Fact]
    public void A_trend_below_is_underuse()
    {
        var detector = new OveruseDetector();
        detector.Update(-20, 6, 6_000);
        Assert.Equal(DelaySignal.Underuse, detector.Signal);
    }

    [Fact]
    public void The_threshold_falls_in_quiet_and_rises_with_jitter_within_its_bounds()
    {
        var detector = new OveruseDetector();
        for (int step = 1; step < 100; step++)
        {
            detector.Update(0, 10, step * 10_000);
        }

        Assert.Equal(6, detector.ThresholdMs);
        for (int step = 100; step < 5_000; step++)
        {
            detector.Update(step % 2 == 0 ? 15 : -15, 10, step * 10_000);
        }

        Assert.InRange(detector.ThresholdMs, 10, 16);
    }
}
