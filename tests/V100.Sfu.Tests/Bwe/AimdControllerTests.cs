using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class AimdControllerTests
{
    private const long MaxBps = 50_000_000;
    private static readonly TimeSpan _roundTrip = TimeSpan.FromMilliseconds(50);

    private readonly AimdController _controller = new(1_000_000, 30_000, MaxBps);
    private Instant _now = new(1_000_000_000);

    [Fact]
    public void Overuse_leaves_085_of_what_arrives()
    {
        Run(DelaySignal.Normal, 0.1, 1_000_000);
        Assert.True(Step(DelaySignal.Overuse, 900_000));
        Assert.Equal(765_000, _controller.RateBps, 1.0);
        Assert.Equal(_now, _controller.DecreasedAt);
    }

    [Fact]
    public void A_decrease_waits_for_its_effect_unless_it_was_far_too_little()
    {
        Step(DelaySignal.Overuse, 900_000);
        Assert.False(Step(DelaySignal.Overuse, 700_000, 0.01));
        Assert.True(Step(DelaySignal.Overuse, 300_000, 0.01));
        Assert.Equal(255_000, _controller.RateBps, 1.0);
        Assert.True(Step(DelaySignal.Overuse, 250_000, 0.06));
    }

    [Fact]
    public void What_arrives_unknown_the_rate_itself_is_lowered()
    {
        Assert.True(Step(DelaySignal.Overuse, 0));
        Assert.Equal(850_000, _controller.RateBps, 1.0);
    }

    [Fact]
    public void Underuse_holds_the_rate()
    {
        Run(DelaySignal.Normal, 0.2, 1_000_000);
        long before = _controller.RateBps;
        Run(DelaySignal.Underuse, 3, 1_000_000);
        Assert.Equal(before, _controller.RateBps);
    }

    [Fact]
    public void Near_the_known_capacity_the_increase_is_additive()
    {
        Step(DelaySignal.Overuse, 1_000_000);
        long before = _controller.RateBps;
        Run(DelaySignal.Normal, 2, 850_000);
        Assert.InRange(_controller.RateBps - before, 70_000, 85_000);
    }

    [Fact]
    public void Far_from_it_the_increase_accelerates_until_something_speaks_against_it()
    {
        double first = Growth(isCalm: true);
        double second = Growth(isCalm: true);
        Growth(isCalm: true);
        double fourth = Growth(isCalm: true);
        Assert.InRange(first, 0.08, 0.16);
        Assert.InRange(second, first + 0.08, 0.35);
        Assert.InRange(fourth, second, 0.52);
        Assert.InRange(Growth(isCalm: false), 0.07, 0.10);
    }

    [Fact]
    public void The_known_capacity_is_forgotten_when_clearly_more_arrives_but_passed_with_care()
    {
        Step(DelaySignal.Overuse, 1_000_000);
        Run(DelaySignal.Normal, 0.5, 1_100_000);
        double growth = Growth(isCalm: true);
        Assert.InRange(growth, 0.06, 0.10);
        Run(DelaySignal.Normal, 5, long.MaxValue / 4);
        Assert.InRange(Growth(isCalm: true), 0.3, 0.52);
    }

    [Fact]
    public void The_rate_never_exceeds_half_as_much_again_as_arrives()
    {
        Run(DelaySignal.Normal, 20, 400_000);
        Assert.Equal(1_000_000, _controller.RateBps);
        Assert.True(_controller.IsHeldByDemand);
        Run(DelaySignal.Normal, 20, 800_000);
        Assert.InRange(_controller.RateBps, 1_200_000, 1_210_000);
        Run(DelaySignal.Normal, 0.1, 0);
        Assert.True(_controller.IsHeldByDemand);
    }

    [Fact]
    public void A_probe_raises_it_whole_at_the_start_and_by_half_once_the_path_was_full()
    {
        _controller.Raise(3_000_000);
        Assert.Equal(3_000_000, _controller.RateBps);
        _controller.Raise(2_000_000);
        Assert.Equal(3_000_000, _controller.RateBps);
        Step(DelaySignal.Overuse, 2_000_000);
        _controller.Raise(2_300_000);
        Assert.Equal(2_000_000, _controller.RateBps);
    }

    [Fact]
    public void It_stays_within_its_limits()
    {
        _controller.Raise(long.MaxValue);
        Assert.Equal(MaxBps, _controller.RateBps);
        _controller.Lower(-1);
        Assert.Equal(30_000, _controller.RateBps);
        Step(DelaySignal.Overuse, 1);
        Assert.Equal(30_000, _controller.RateBps);
    }

    [Fact]
    public void More_weight_raises_faster_and_lowers_less()
    {
        var heavy = new AimdController(1_000_000, 30_000, MaxBps, weight: 4);
        heavy.Update(DelaySignal.Overuse, true, 1_000_000, 1_000_000, _roundTrip, _now);
        Assert.Equal(925_000, heavy.RateBps, 1.0);
        heavy.Update(DelaySignal.Normal, true, 1_000_000, 1_000_000, _roundTrip, _now);
        heavy.Update(DelaySignal.Normal, true, 1_000_000, 1_000_000, _roundTrip, _now + TimeSpan.FromSeconds(0.5));
        Assert.Equal(1_005_000, heavy.RateBps, 1.0);
    }

    private double Growth(bool isCalm)
    {
        long before = _controller.RateBps;
        Run(DelaySignal.Normal, 1, long.MaxValue / 4, isCalm);
        return (double)_controller.RateBps / before - 1;
    }

    private bool Step(DelaySignal signal, long bps, double seconds = 0.05, bool isCalm = true)
    {
        _now += TimeSpan.FromSeconds(seconds);
        return _controller.Update(signal, isCalm, bps, bps, _roundTrip, _now);
    }

    private void Run(DelaySignal signal, double seconds, long bps, bool isCalm = true)
    {
        for (int step = (int)Math.Round(seconds / 0.05); step > 0; step--)
        {
            Step(signal, bps, isCalm: isCalm);
        }
    }
}
