using System.Globalization;
using Xunit.Abstractions;

namespace V100.Simulation.World;

/// <summary>Where a test's chances come from: other seeds each time, printed, or the one in V100_TEST_SEED where that is set.</summary>
internal static class Seed
{
    public const int DefaultCount = 20;

    /// <summary>What counts are multiplied by.</summary>
    private static readonly int _scale = ScaleOf(int.Parse(Environment.GetEnvironmentVariable("V100_TEST_SCALE") ?? "1", CultureInfo.InvariantCulture));

    /// <summary>Where other tests have twenty times as many, at night, virtual time has fifty: a line of the conformance suite has a thousand seeds.</summary>
    private static int ScaleOf(int wanted) => wanted > 1 ? wanted * 5 / 2 : 1;

    /// <summary>The seed of a test that runs once, printed.</summary>
    public static int One(ITestOutputHelper output) => Each(output, 1).First();

    /// <summary>Seeds for runs of a test, each printed as its run begins: the last one printed is the one that failed.</summary>
    public static IEnumerable<int> Each(ITestOutputHelper output, int count = DefaultCount)
    {
        string? wanted = Environment.GetEnvironmentVariable("V100_TEST_SEED");
        int first = wanted is null ? Environment.TickCount & 0xFFFFFF : int.Parse(wanted, CultureInfo.InvariantCulture);
        int runs = wanted is null ? count * _scale : 1;
        for (int run = 0; run < runs; run++)
        {
            int seed = first + run;
            output.WriteLine($"seed {seed} (V100_TEST_SEED={seed} repeats it)");
            yield return seed;
        }
    }
}
