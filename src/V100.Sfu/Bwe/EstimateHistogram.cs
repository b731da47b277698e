namespace V100.Sfu.Bwe;

/// <summary>How many estimates of paths lay within which bounds. One thread records, any reads.</summary>
public sealed class EstimateHistogram
{
    // One each for the rates at which a small, a middle and a large picture begin to fit, and those beside them.
    private static readonly long[] _boundsBps = [100_000, 200_000, 400_000, 800_000, 1_500_000, 3_000_000, 6_000_000, 12_000_000, 25_000_000];

    private readonly long[] _counts = new long[_boundsBps.Length + 1];
    private long _sumBps;

    /// <summary>The largest of each bucket; one more has what is beyond.</summary>
    public static ReadOnlySpan<long> BoundsBps => _boundsBps;

    public long SumBps => Volatile.Read(ref _sumBps);

    /// <summary>Of one bucket alone.</summary>
    public long CountOf(int bucket) => Volatile.Read(ref _counts[bucket]);

    internal void Record(long estimateBps)
    {
        int bucket = 0;
        while (bucket < _boundsBps.Length && estimateBps > _boundsBps[bucket])
        {
            bucket++;
        }

        Volatile.Write(ref _counts[bucket], _counts[bucket] + 1);
        Volatile.Write(ref _sumBps, _sumBps + estimateBps);
    }
}
