using System.Runtime.CompilerServices;

namespace V100.Net;

/// <summary>
/// The counters of one worker, named by an enum whose members count up from 0. Only the owning thread adds, with plain
/// additions; any thread reads. No cache line is shared with another worker's.
/// </summary>
public sealed class CounterBlock<TCounter>
    where TCounter : unmanaged, Enum
{
    // Two lines on either end: the processor fetches lines in pairs.
    private const int Padding = 128 / sizeof(long);

    /// <summary>How many counters there are.</summary>
    public static readonly int Count = Enum.GetValues<TCounter>().Length;

    private readonly long[] _values = new long[Padding + Count + Padding];

    public CounterBlock()
    {
        if (Unsafe.SizeOf<TCounter>() != sizeof(int))
        {
            throw new NotSupportedException("The enum must have the size of an int.");
        }
    }

    /// <summary>Owner only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(TCounter counter, long amount)
    {
        ref long value = ref _values[Padding + IndexOf(counter)];
        Volatile.Write(ref value, value + amount);
    }

    /// <summary>Owner only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Increment(TCounter counter) => Add(counter, 1);

    /// <summary>Any thread.</summary>
    public long Read(TCounter counter) => Volatile.Read(ref _values[Padding + IndexOf(counter)]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int IndexOf(TCounter counter)
    {
        uint index = Unsafe.BitCast<TCounter, uint>(counter);
        return index < (uint)Count ? (int)index : throw new ArgumentOutOfRangeException(nameof(counter));
    }
}

/// <summary>What several workers counted together.</summary>
public static class CounterBlock
{
    /// <summary>Any thread.</summary>
    public static long Sum<TCounter>(ReadOnlySpan<CounterBlock<TCounter>> blocks, TCounter counter)
        where TCounter : unmanaged, Enum
    {
        long sum = 0;
        foreach (CounterBlock<TCounter> block in blocks)
        {
            sum += block.Read(counter);
        }

        return sum;
    }
}
