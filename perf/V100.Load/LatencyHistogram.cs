using System.Numerics;

namespace V100.Load;

/// <summary>Counts of durations in buckets of 3 % width, so that a percentile of any number of them takes a fixed 16 kB.</summary>
internal sealed class LatencyHistogram
{
    private const int StepBits = 5;
    private const int Steps = 1 << StepBits;

    private readonly long[] _counts = new long[64 * Steps];

    public long Count { get; private set; }

    /// <summary>The longest, exactly; 0 for none.</summary>
    public double MaxMicroseconds { get; private set; }

    public void Add(long nanoseconds)
    {
        MaxMicroseconds = Math.Max(MaxMicroseconds, nanoseconds / 1000.0);
        _counts[BucketOf(Math.Max(nanoseconds, 0))]++;
        Count++;
    }

    public void Add(LatencyHistogram other)
    {
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            _counts[bucket] += other._counts[bucket];
        }

        Count += other.Count;
        MaxMicroseconds = Math.Max(MaxMicroseconds, other.MaxMicroseconds);
    }

    /// <summary>The maximum in ns, then bucket and count of each bucket that has any.</summary>
    public long[] ToPairs()
    {
        var pairs = new List<long> { (long)(MaxMicroseconds * 1000) };
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            if (_counts[bucket] > 0)
            {
                pairs.Add(bucket);
                pairs.Add(_counts[bucket]);
            }
        }

        return [.. pairs];
    }

    /// <summary>What <see cref="ToPairs"/> gave; nothing for nothing.</summary>
    public static LatencyHistogram FromPairs(long[] pairs)
    {
        var histogram = new LatencyHistogram();
        if (pairs.Length > 0)
        {
            histogram.MaxMicroseconds = pairs[0] / 1000.0;
        }

        for (int index = 1; index < pairs.Length; index += 2)
        {
            histogram._counts[pairs[index]] = pairs[index + 1];
            histogram.Count += pairs[index + 1];
        }

        return histogram;
    }

    /// <summary>In µs: what <paramref name="fraction"/> of the durations do not exceed, rounded up to its bucket's end; 0 for none.</summary>
    public double PercentileMicroseconds(double fraction)
    {
        long rank = (long)Math.Ceiling(Count * fraction);
        for (int bucket = 0; bucket < _counts.Length && rank > 0; bucket++)
        {
            rank -= _counts[bucket];
            if (rank <= 0)
            {
                return EndOf(bucket) / 1000.0;
            }
        }

        return 0;
    }

    private static int BucketOf(long value)
    {
        int shift = Math.Max(0, BitOperations.Log2((ulong)value | 1) - StepBits);
        return (shift << StepBits) + (int)(value >> shift);
    }

    private static long EndOf(int bucket)
    {
        int shift = Math.Max(0, (bucket >> StepBits) - 1);
        return (bucket - ((long)shift << StepBits) + 1) << shift;
    }
}
