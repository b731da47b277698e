using System.Diagnostics;

namespace V100.EndToEnd.Tests;

/// <summary>The one way to wait in these tests: for a condition, with a bound. Nothing else here waits for time to pass.</summary>
internal static class Poll
{
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Returns the first value that is not null. The failure carries <paramref name="what"/> and what <paramref name="details"/> says.</summary>
    public static async Task<T> ForAsync<T>(string what, TimeSpan limit, Func<Task<T?>> probe, Func<string>? details = null)
        where T : class
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            if (await probe() is { } found)
            {
                return found;
            }

            if (Stopwatch.GetElapsedTime(began) > limit)
            {
                Assert.Fail($"Not within {limit.TotalSeconds:0.#} s: {what}\n{details?.Invoke()}");
            }

            await Task.Delay(_interval);
        }
    }

    public static Task UntilAsync(string what, TimeSpan limit, Func<Task<bool>> condition, Func<string>? details = null)
        => ForAsync<object>(what, limit, async () => await condition() ? true : null, details);
}
