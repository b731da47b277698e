using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class CompetitionDetectorTests
{
    private const long RateBps = 100_000_000;

    private readonly CompetitionDetector _detector = new();
    private Instant _now = new(1_000_000_000);

    [Fact]
    public void A_queue_that_stands_for_seconds_is_anothers_after_two_yields_in_vain()
    {
        int yields = 0;
        for (int step = 0; step < 88; step++)
        {
            Run(0.05, 100);
            yields += _detector.MustYield ? 1 : 0;
            Assert.Equal(CompetitionPhase.None, _detector.Phase);
        }

        Assert.Equal(2, yields);
        Run(0.3, 100);
        Assert.Equal(CompetitionPhase.Competing, _detector.Phase);
    }

    [Fact]
    public void One_that_drains_is_its_own()
    {
        for (int round = 0; round < 20; round++)
        {
            Run(1.5, 100);
            Run(1, 80, DelaySignal.Underuse);
            Run(1, 10);
            Assert.Equal(CompetitionPhase.None, _detector.Phase);
        }
    }

    [Fact]
    public void Bursts_that_come_again_and_again_count_together()
    {
        for (int round = 0; round < 5; round++)
        {
            Run(1.2, 150);
            Run(0.5, 60, DelaySignal.Underuse);
            Run(0.1, 5);
        }

        Assert.Equal(CompetitionPhase.Competing, _detector.Phase);
    }

    [Fact]
    public void It_is_tried_from_time_to_time_whose_the_queue_is()
    {
        Run(4.7, 100);
        Run(12.2, 100);
        Assert.Equal(CompetitionPhase.Trial, _detector.Phase);
        Run(1.6, 100);
        Assert.Equal(CompetitionPhase.Competing, _detector.Phase);
        Run(12.2, 100);
        Assert.Equal(CompetitionPhase.Trial, _detector.Phase);
        Run(1.6, 30);
        Assert.Equal(CompetitionPhase.None, _detector.Phase);
    }

    [Fact]
    public void It_ends_when_the_queue_is_gone()
    {
        Run(5, 100);
        Run(2.8, 10);
        Assert.Equal(CompetitionPhase.None, _detector.Phase);
    }

    [Fact]
    public void The_fair_rate_is_that_of_TCP()
    {
        // RFC 5348, 3.1: s = 1,200 bytes, R = 100 ms, p = 1 %: about 1,080 kbit/s.
        Run(30, 100, loss: 0.01);
        Assert.InRange(_detector.FairBps, 1_000_000, 1_150_000);
        Run(30, 100, loss: 0.1);
        Assert.InRange(_detector.FairBps, 100_000, 200_000);
        Run(60, 100, loss: 0);
        Assert.InRange(_detector.FairBps, 5_000_000, 20_000_000);
    }

    [Fact]
    public void At_first_no_more_is_taken_than_leaves_the_path_room_then_twice_as_much_after_each_trial()
    {
        Run(5, 100, rateBps: 400_000);
        Assert.Equal(320_000, _detector.FairBps);
        Run(14, 100, rateBps: 400_000);
        Assert.Equal(640_000, _detector.FairBps);
        Run(4, 0, rateBps: 400_000);
        Assert.Equal(CompetitionPhase.None, _detector.Phase);
        Run(5, 100, rateBps: 300_000);
        Assert.Equal(1_280_000, _detector.FairBps);
        Run(30, 0, rateBps: 300_000);
        Run(5, 100, rateBps: 300_000);
        Assert.Equal(240_000, _detector.FairBps);
    }

    private void Run(double seconds, double queueMs, DelaySignal signal = DelaySignal.Normal, double loss = 0, long rateBps = RateBps)
    {
        for (int step = 0; step < Math.Round(seconds / 0.05); step++)
        {
            _now += TimeSpan.FromMilliseconds(50);
            _detector.Update(signal, queueMs, loss, TimeSpan.FromMilliseconds(100), rateBps, _now);
        }
    }
}
