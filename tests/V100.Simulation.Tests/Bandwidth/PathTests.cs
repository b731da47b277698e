using Xunit.Abstractions;

namespace V100.Simulation.Bandwidth;

/// <summary>Paths beyond those of RFC 8867: sudden drops, random loss, long and unsteady ways, several bottlenecks, feedback that is lost.</summary>
public sealed class PathTests(ITestOutputHelper output)
{
    private const double MinUtilisation = 0.85;
    private const double MaxQueueP95Ms = 100;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_drop_is_answered_within_a_second_and_recovered_from_within_ten(bool byStreams)
    {
        List<double> utilisations = [];
        Scenario.Each(output, scenario => utilisations.Add(RunDrop(scenario, byStreams)), count: 5);

        // One run alone may recover late within its ten seconds.
        Assert.InRange(utilisations.Average(), utilisations.Count > 1 ? 0.88 : 0.8, 1);
    }

    private static double RunDrop(Scenario scenario, bool byStreams)
    {
        scenario.Bottleneck.Schedule((0, 2), (20, 0.5), (40, 2));
        MediaFlow flow = scenario.Add(new MediaFlow(scenario.Time, scenario.Random, [scenario.Bottleneck])
        {
            TellsOfStreams = byStreams,
            ReceiverClock = TimeSpan.FromMilliseconds(scenario.Random.NextInt64(1L << 30)),
        });
        scenario.Run(60);
        double fall = flow.Figures.SecondsUntilBelow(20, 500_000);
        double rise = flow.Figures.SecondsUntilAbove(40, 0.9 * 2_000_000);
        scenario.Print($"drop 2 to 0.5 and back{(byStreams ? ", feedback by stream" : "")}", 5, 60, FormattableString.Invariant($"fall {fall:F2} s, rise {rise:F1} s"));
        Assert.InRange(fall, 0, 1);
        Assert.InRange(rise, 0, 10);
        Assert.InRange(scenario.QueueP95Ms(5, 60), 0, MaxQueueP95Ms);
        Assert.InRange(scenario.Utilisation(5, 60), 0.8, 1);
        return scenario.Utilisation(5, 60);
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.03)]
    [InlineData(0.1)]
    public void Random_loss_leaves_the_link_filled(double loss) => Scenario.Each(output, scenario =>
    {
        scenario.Bottleneck.Schedule((0, 2));
        scenario.Bottleneck.Loss = loss;
        scenario.AddFlow();
        scenario.Run(60);
        scenario.Print($"random loss {loss:P0}", 10, 60);
        Assert.InRange(scenario.Utilisation(10, 60), loss > 0.05 ? 0.8 : MinUtilisation, 1);
        Assert.InRange(scenario.QueueP95Ms(10, 60), 0, 100);
    });

    [Fact]
    public void A_burst_of_loss_is_recovered_from() => Scenario.Each(output, scenario =>
    {
        scenario.Bottleneck.Schedule((0, 2));
        MediaFlow flow = scenario.AddFlow();
        scenario.Time.In(TimeSpan.FromSeconds(20), () => scenario.Bottleneck.Loss = 0.3);
        scenario.Time.In(TimeSpan.FromSeconds(23), () => scenario.Bottleneck.Loss = 0);
        scenario.Run(50);
        double rise = flow.Figures.SecondsUntilAbove(23, 0.85 * 2_000_000);
        scenario.Print("30 % loss for 3 s", 5, 50, FormattableString.Invariant($"recovered {rise:F1} s after it"));
        Assert.InRange(rise, 0, 10);
        Assert.InRange(flow.Figures.RateBps(35, 50) / 2e6, 0.8, 1);
    });

    [Theory]
    [InlineData(true, 100)]
    [InlineData(true, 300)]
    [InlineData(false, 60)]
    public void What_drops_without_a_queue_is_found(bool isPolicer, int lengthMs) => Scenario.Each(output, scenario =>
    {
        scenario.Bottleneck.Schedule((0, 1));
        scenario.Bottleneck.IsPolicer = isPolicer;
        scenario.Bottleneck.QueueTime = TimeSpan.FromMilliseconds(lengthMs);
        MediaFlow flow = scenario.AddFlow();
        scenario.Run(60);
        scenario.Print($"{(isPolicer ? "policer" : "short queue")} {lengthMs} ms", 10, 60);
        Assert.InRange(scenario.Utilisation(10, 60), 0.9, 1.05);
        Assert.InRange(flow.Figures.Loss, 0, 0.14);
    });

    [Theory]
    [InlineData(100, 0, false)]
    [InlineData(20, 50, false)]
    [InlineData(100, 50, false)]
    [InlineData(100, 20, true)]
    public void Long_and_unsteady_ways_are_filled(int delayMs, int jitterMs, bool reorders)
    {
        List<(double Utilisation, double Start)> runs = [];
        Scenario.Each(output, scenario => runs.Add(RunUnsteady(scenario, delayMs, jitterMs, reorders)), count: 5);

        // How often jitter is taken for a queue differs from run to run.
        Assert.InRange(runs.Average(run => run.Utilisation), runs.Count > 1 ? MinUtilisation : 0.75, 1);
        Assert.InRange(runs.Average(run => run.Start), 0, runs.Count > 1 ? 10 : 25);
    }

    private static (double Utilisation, double Start) RunUnsteady(Scenario scenario, int delayMs, int jitterMs, bool reorders)
    {
        scenario.Bottleneck.Schedule((0, 2));
        scenario.Bottleneck.Jitter = TimeSpan.FromMilliseconds(jitterMs);
        scenario.Bottleneck.Reorders = reorders;
        MediaFlow flow = scenario.AddFlow(propagationMs: delayMs);
        scenario.Run(60);
        double start = flow.Figures.SecondsUntilAbove(0, 0.8 * 2_000_000);
        scenario.Print($"round trip {2 * delayMs} ms, jitter {jitterMs} ms{(reorders ? ", reordering" : "")}", 10, 60, FormattableString.Invariant($"start {start:F1} s"));
        Assert.InRange(start, 0, 25);
        Assert.InRange(scenario.Utilisation(10, 60), 0.75, 1);
        Assert.InRange(scenario.QueueP95Ms(10, 60), 0, 130);
        return (scenario.Utilisation(10, 60), start);
    }

    /// <summary>A path that becomes longer is not taken for a queue, nor one that becomes shorter for more of it.</summary>
    [Theory]
    [InlineData(150, 20)]
    [InlineData(90, 50)]
    public void Another_way_to_the_receiver_costs_little(double longerMs, double shorterMs) => Scenario.Each(output, scenario =>
    {
        scenario.Bottleneck.Schedule((0, 2));
        MediaFlow flow = scenario.AddFlow(propagationMs: 50);
        scenario.Time.In(TimeSpan.FromSeconds(20), () => flow.Propagation = TimeSpan.FromMilliseconds(longerMs));
        scenario.Time.In(TimeSpan.FromSeconds(50), () => flow.Propagation = TimeSpan.FromMilliseconds(shorterMs));
        scenario.Run(80);
        double after = flow.Figures.RateBps(20, 30) / 2e6;
        scenario.Print(FormattableString.Invariant($"50 ms one way, then {longerMs}, then {shorterMs}"), 5, 80, FormattableString.Invariant($"the 10 s after {after:P0}"));
        Assert.InRange(after, 0.5, 1);
        Assert.InRange(flow.Figures.RateBps(30, 50) / 2e6, MinUtilisation - 0.05, 1);
        Assert.InRange(scenario.Utilisation(5, 80), MinUtilisation, 1);
        Assert.InRange(scenario.QueueP95Ms(5, 80), 0, MaxQueueP95Ms);
    });

    [Fact]
    public void Several_bottlenecks_in_a_row_leave_a_share() => Scenario.Each(output, scenario =>
    {
        BottleneckLink second = scenario.NewLink();
        BottleneckLink third = scenario.NewLink();
        scenario.Bottleneck.Schedule((0, 2));
        second.Schedule((0, 2));
        third.Schedule((0, 2));
        MediaFlow through = scenario.AddFlow(path: [scenario.Bottleneck, second, third]);
        MediaFlow[] local = [scenario.AddFlow(5), scenario.AddFlow(5, path: [second]), scenario.AddFlow(5, path: [third])];
        scenario.Run(120);
        double share = through.Figures.RateBps(40, 120) / 2e6;
        scenario.Print(FormattableString.Invariant(
            $"three bottlenecks: the long flow {share:P0}, local {local.Average(flow => flow.Figures.RateBps(40, 120)) / 2e6:P0}, p95 queue {scenario.QueueP95Ms(5, 120):F0} ms"));
        Assert.InRange(share, 0.05, 0.6);
        Assert.InRange(scenario.QueueP95Ms(5, 120), 0, 100);
    }, count: 2);

    [Fact]
    public void A_source_that_takes_half_knows_that_all_fits() => Scenario.Each(output, scenario =>
    {
        scenario.Bottleneck.Schedule((0, 2));
        MediaFlow flow = scenario.Add(new MediaFlow(scenario.Time, scenario.Random, [scenario.Bottleneck]) { Appetite = 0.4, MaxVideoBps = 2_000_000 });
        scenario.Run(40);
        double mean = flow.Figures.Estimates.Where(sample => sample.At > 10).Average(sample => sample.Bps) / 2e6;
        scenario.Print("application-limited", 10, 40, FormattableString.Invariant($"estimate {mean:P0} of the link, padding {(double)flow.Figures.Padding / flow.Figures.Sent:P0} of packets"));
        Assert.InRange(mean, 0.55, 1.3);
        Assert.InRange(scenario.QueueP95Ms(10, 40), 0, 100);
    });

    [Fact]
    public void Feedback_that_is_lost_in_part_does_not_starve_the_flow() => Scenario.Each(output, scenario =>
    {
        scenario.Bottleneck.Schedule((0, 2));
        MediaFlow flow = scenario.AddFlow();
        flow.FeedbackComes = () => scenario.Random.NextDouble() >= 0.2;
        scenario.Run(60);
        scenario.Print("20 % of feedback lost", 10, 60);
        Assert.InRange(scenario.Utilisation(10, 60), MinUtilisation, 1);
        Assert.InRange(scenario.QueueP95Ms(10, 60), 0, 100);
    });

    [Fact]
    public void Feedback_that_stops_halves_the_estimate_and_comes_back() => Scenario.Each(output, scenario =>
    {
        scenario.Bottleneck.Schedule((0, 2));
        MediaFlow flow = scenario.AddFlow();
        bool comes = true;
        flow.FeedbackComes = () => comes;
        scenario.Run(20);
        long before = flow.Estimator.EstimateBps;
        comes = false;
        scenario.Run(2);
        Assert.InRange(flow.Estimator.EstimateBps, 1, (long)(0.6 * before));
        scenario.Run(20);
        Assert.InRange(flow.Estimator.EstimateBps, 30_000, 60_000);
        comes = true;
        scenario.Run(20);
        double rise = flow.Figures.SecondsUntilAbove(42, 0.85 * 2_000_000);
        scenario.Print("feedback stops for 22 s", 5, 20, FormattableString.Invariant($"recovered {rise:F1} s after"));
        Assert.InRange(rise, 0, 20);
    });
}
