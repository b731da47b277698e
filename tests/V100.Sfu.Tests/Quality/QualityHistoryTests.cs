using V100.Net;
using V100.Sfu.Quality;

namespace V100.Sfu.Tests.Quality;

public sealed class QualityHistoryTests
{
    private static readonly Instant _start = new(50_000_000_000);

    [Fact]
    public void Ten_seconds_become_one_point_and_a_dip_is_not_lost()
    {
        var history = new QualityHistory();
        double[] scores = [4, 4, 1, 4, 4, 4, 4, 4, 4, 3, 2];
        for (int second = 0; second < scores.Length; second++)
        {
            history.Add(scores[second], _start + TimeSpan.FromSeconds(second));
        }

        Assert.Equal([new QualityPoint(_start, 3.6f, 1), new QualityPoint(_start + TimeSpan.FromSeconds(10), 2, 2)], history.Since(new Instant(0)));
        Assert.Single(history.Since(_start));
    }

    [Fact]
    public void An_hour_is_kept_and_no_more()
    {
        var history = new QualityHistory();
        for (int second = 0; second < 2 * 3600; second++)
        {
            history.Add(3, _start + TimeSpan.FromSeconds(second));
        }

        List<QualityPoint> points = history.Since(new Instant(0));
        Assert.Equal(QualityHistory.MaxPoints, points.Count);
        Assert.Equal(_start + TimeSpan.FromSeconds(3600), points[0].At);
        Assert.Equal(points.OrderBy(point => point.At.Nanoseconds), points);
    }

    [Fact]
    public void Thresholds_are_told_once_for_each_crossing()
    {
        var level = new QualityLevel();
        Assert.True(level.Crosses(4.3));
        Assert.Equal(
            [false, false, true, false, true, true, false, true],
            new[] { 4.1, 3.9, 3.8, 4.1, 4.2, 1.2, 1.9, 3.3 }.Select(score => level.Crosses(score)));
    }

    [Fact]
    public void A_freeze_is_what_is_three_times_as_long_as_the_mean_and_150_ms_longer()
    {
        var meter = new FreezeMeter();
        Instant now = _start;
        for (int frame = 0; frame < 60; frame++, now += TimeSpan.FromMilliseconds(33))
        {
            meter.OnPicture(now);
        }

        Assert.Equal(TimeSpan.Zero, meter.Frozen);
        Instant last = now - TimeSpan.FromMilliseconds(33);
        meter.Update(last + TimeSpan.FromMilliseconds(180));
        Assert.Equal(TimeSpan.Zero, meter.Frozen);
        meter.Update(last + TimeSpan.FromMilliseconds(400));
        Assert.Equal(400, meter.Frozen.TotalMilliseconds);
        meter.OnPicture(last + TimeSpan.FromMilliseconds(1000));
        Assert.Equal(1000, meter.Frozen.TotalMilliseconds);

        // What is meant to rest is no freeze.
        meter.Pause();
        meter.OnPicture(last + TimeSpan.FromMilliseconds(5000));
        meter.Update(last + TimeSpan.FromMilliseconds(9000));
        Assert.Equal(1000, meter.Frozen.TotalMilliseconds);
    }
}
