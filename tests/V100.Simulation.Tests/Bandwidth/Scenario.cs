using System.Globalization;
using V100.Net;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Bandwidth;

/// <summary>Flows over a bottleneck in virtual time, and the line of figures that each case prints.</summary>
internal sealed class Scenario
{
    private readonly ITestOutputHelper _output;
    private readonly Instant _start;

    public Scenario(ITestOutputHelper output, int seed)
    {
        _output = output;
        Random = new Random(seed);
        _start = Time.Now;
        Bottleneck = NewLink();
    }

    public Timeline Time { get; } = new();
    public Random Random { get; }
    public BottleneckLink Bottleneck { get; }
    public List<MediaFlow> Flows { get; } = [];

    /// <summary>Runs a case once for each of the seeds.</summary>
    public static void Each(ITestOutputHelper output, Action<Scenario> run, int count = 3)
    {
        foreach (int seed in Seed.Each(output, count))
        {
            run(new Scenario(output, seed));
        }
    }

    public BottleneckLink NewLink()
    {
        var link = new BottleneckLink(Time, Random);
        link.Tap = (flow, waited) => ((flow as MediaFlow)?.Figures ?? (flow as TcpFlow)?.Figures)?.OnQueued(Time.Now, waited);
        return link;
    }

    public MediaFlow AddFlow(double startSeconds = 0, double propagationMs = 50, BottleneckLink[]? path = null, BottleneckLink? backward = null)
    {
        var flow = new MediaFlow(Time, Random, path ?? [Bottleneck], backward)
        {
            Propagation = TimeSpan.FromMilliseconds(propagationMs),
            ReceiverClock = TimeSpan.FromMilliseconds(Random.NextInt64(1L << 30)),
        };
        return Add(flow, startSeconds);
    }

    public MediaFlow Add(MediaFlow flow, double startSeconds = 0)
    {
        flow.StartIn(startSeconds);
        Flows.Add(flow);
        return flow;
    }

    public void Run(double seconds) => Time.RunUntil(Time.Now + TimeSpan.FromSeconds(seconds));

    /// <summary>The share of the bottleneck's capacity that all media flows together got.</summary>
    public double Utilisation(double from, double to) =>
        Flows.Sum(flow => flow.Figures.RateBps(from, to)) * (to - from)
        / Bottleneck.Capacity(_start + TimeSpan.FromSeconds(from), _start + TimeSpan.FromSeconds(to));

    /// <summary>Jain's index of rates: 1 when all are equal, 1/n when one has all.</summary>
    public static double Fairness(IEnumerable<double> rates)
    {
        double[] all = [.. rates];
        return all.Sum() * all.Sum() / (all.Length * all.Sum(rate => rate * rate));
    }

    public double QueueP95Ms(double from, double to) => Flows.Max(flow => flow.Figures.QueueP95Ms(from, to));

    /// <summary>Prints the figures of a stretch.</summary>
    public void Print(string name, double from, double to, string more = "") => Print(string.Create(
        CultureInfo.InvariantCulture,
        $"{name}: utilisation {Utilisation(from, to):P0}, p95 queue {QueueP95Ms(from, to):F0} ms, loss {Flows.Max(flow => flow.Figures.Loss):P1}, pacer p95 {Flows.Max(flow => flow.Figures.PacerP95Ms):F0} ms {more}"));

    public void Print(FormattableString line) => Print(line.ToString(CultureInfo.InvariantCulture));

    public void Print(string line) => _output.WriteLine(line);

    /// <summary>Prints what the estimate did, for whoever tunes.</summary>
    public void Trace(MediaFlow flow, double everySeconds = 0.5)
    {
        double next = 0;
        foreach ((double at, long bps, V100.Sfu.Bwe.BandwidthState state, double roundTripMs) in flow.Figures.Estimates)
        {
            if (at >= next)
            {
                next = at + everySeconds;
                Print($"{at,7:F2} {bps / 1000,6} {flow.Figures.RateBps(Math.Max(0, at - 0.5), at) / 1000,6:F0} {state.Signal,-9} {state.Bound,-8} trend {state.TrendMs,7:F1} / {state.ThresholdMs,5:F1} standing {state.QueueMs,4:F0} jitter {state.JitterMs,4:F0} lost {state.LossFraction:P0} bound {(state.LossBps == long.MaxValue ? 0 : state.LossBps / 1000),6} rtt {roundTripMs,5:F0} queue {flow.Figures.QueueP95Ms(Math.Max(0, at - everySeconds), at),5:F0}");
            }
        }
    }
}
