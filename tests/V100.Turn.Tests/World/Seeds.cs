using Xunit.Abstractions;

namespace V100.Turn.Tests.World;

/// <summary>A seed that is new in each run and printed, or the one in V100_TEST_SEED to repeat a run; and how often random tests run.</summary>
internal static class Seeds
{
    public static int Scale => int.TryParse(Environment.GetEnvironmentVariable("V100_TEST_SCALE"), out int scale) ? scale : 1;

    public static int New(ITestOutputHelper output)
    {
        string? given = Environment.GetEnvironmentVariable("V100_TEST_SEED");
        int seed = given is null ? Random.Shared.Next() : int.Parse(given);
        output.WriteLine($"V100_TEST_SEED={seed}");
        return seed;
    }
}
