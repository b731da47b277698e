using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

/// <summary>A seed that is new in each run and printed, or the one in V100_TEST_SEED to repeat a run.</summary>
internal static class Seeds
{
    public static Random NewRandom(ITestOutputHelper output)
    {
        string? given = Environment.GetEnvironmentVariable("V100_TEST_SEED");
        int seed = given is null ? Random.Shared.Next() : int.Parse(given, System.Globalization.CultureInfo.InvariantCulture);
        output.WriteLine($"V100_TEST_SEED={seed}");
        return new Random(seed);
    }
}
