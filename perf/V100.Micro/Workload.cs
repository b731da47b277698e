using V100.Net.Native;

namespace V100.Micro;

/// <summary>What is timed: an operation, done as often as the argument of <see cref="Run"/> says.</summary>
internal sealed class Workload(Action<int> run)
{
    // Reading the clock is a system call, and each slice pays for one.
    private static readonly long _clockCost = MeasureClock();

    public Action<int> Run { get; } = run;

    /// <summary>Makes what the next operations consume. Not timed.</summary>
    public Action<int>? Prepare { get; init; }

    /// <summary>Takes away what they left. Not timed.</summary>
    public Action<int>? Settle { get; init; }

    /// <summary>How many operations one <see cref="Prepare"/> can provide for.</summary>
    public int MaxCount { get; init; } = int.MaxValue;

    /// <summary>
    /// Where only a part of the operation counts: does it and returns that part's nanoseconds of processor time, in place of <see cref="Run"/>.
    /// </summary>
    public Func<int, long>? RunTimed { get; init; }

    /// <summary>Nanoseconds of this thread's processor time, user and kernel, and managed bytes allocated, for <paramref name="count"/> operations.</summary>
    public (long Nanoseconds, long AllocatedBytes) Time(int count)
    {
        long nanoseconds = 0;
        long bytes = 0;
        for (int left = count; left > 0;)
        {
            int part = Math.Min(left, MaxCount);
            Prepare?.Invoke(part);
            long bytesBefore = GC.GetAllocatedBytesForCurrentThread();
            if (RunTimed is { } runTimed)
            {
                nanoseconds += runTimed(part);
            }
            else
            {
                long began = Libc.ThreadProcessorNanoseconds;
                Run(part);
                nanoseconds += Libc.ThreadProcessorNanoseconds - began - _clockCost;
            }

            bytes += GC.GetAllocatedBytesForCurrentThread() - bytesBefore;
            Settle?.Invoke(part);
            left -= part;
        }

        return (Math.Max(nanoseconds, 1), bytes);
    }

    /// <summary>The cost of reading the clock once, which a caller of <see cref="RunTimed"/> takes off for each pair of readings.</summary>
    public static long ClockCost => _clockCost;

    private static long MeasureClock()
    {
        const int Readings = 1000;
        long[] costs = new long[Readings];
        for (int index = 0; index < Readings; index++)
        {
            long began = Libc.ThreadProcessorNanoseconds;
            costs[index] = Libc.ThreadProcessorNanoseconds - began;
        }

        Array.Sort(costs);
        return costs[Readings / 2];
    }
}
