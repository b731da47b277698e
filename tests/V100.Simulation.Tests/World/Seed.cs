using System.Globalization;
using Xunit.Abstractions;

namespace V100.Simulation.World;

/// <summary>Where a test's chances come from: another seed each time, printed, and the one in V100_TEST_SEED where that is set.</summary>
internal static class Seed
{
    public static int Choose(ITestOutputHelper output)
    {
        string? wanted = Environment.GetEnvironmentVariable("V100_TEST_SEED");
        int seed = wanted is null ? Environment.TickCount & 0xFFFFFF : int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seed {seed} (V100_TEST_SEED={seed} repeats it)");
        return seed;
    }
}
