using System.Diagnostics;

namespace V100.Net.Sockets;

/// <summary>The machine's monotonic clock (CLOCK_MONOTONIC on Linux). Its origin is about the machine's start.</summary>
internal static class MonotonicClock
{
    // Exactly 1 on Linux, where the clock counts nanoseconds.
    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    public static Instant Now => Stopwatch.Frequency == 1_000_000_000
        ? new Instant(Stopwatch.GetTimestamp())
        : new Instant((long)(Stopwatch.GetTimestamp() * NanosecondsPerTick));
}
