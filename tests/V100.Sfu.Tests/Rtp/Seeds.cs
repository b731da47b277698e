using System.Globalization;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

/// <summary>
/// A seed that is new in each run and printed, or the one in V100_TEST_SEED to repeat a run; and how often a random test repeats, which
/// V100_TEST_SCALE multiplies.
/// </summary>
internal static class Seeds
{
    public static Random NewRandom(ITestOutputHelper output)
    {
        string? given = Environment.GetEnvironmentVariable("V100_TEST_SEED");
        int seed = given is null ? Random.Shared.Next() : int.Parse(given, CultureInfo.InvariantCulture);
        output.WriteLine($"V100_TEST_SEED={seed}");
        return new Random(seed);
    }

    /// <summary>The everyday count, times the scale of a longer run.</summary>
    public static int Scaled(int count) =>
        checked(count * int.Parse(Environment.GetEnvironmentVariable("V100_TEST_SCALE") ?? "1", CultureInfo.InvariantCulture));
}
