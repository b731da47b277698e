using V100.Net;

namespace V100.Turn;

/// <summary>
/// Bounds how many answers go to addresses that have proven nothing, for each /24 of IPv4 and /56 of IPv6, so that forged sources do
/// not make a reflector of this server. Of one thread.
/// </summary>
/// <remarks>
/// A fixed table in sets of four. In a full set the prefix that is quiet for the longest gives way: its allowance is full again
/// soonest, so forgetting it gives the least away.
/// </remarks>
internal sealed class UnauthenticatedLimiter
{
    private const int Ways = 4;
    private const int Sets = 1024;

    private readonly Bucket[] _buckets = new Bucket[Sets * Ways];
    private readonly ulong _seed;

    public UnauthenticatedLimiter(IEntropy entropy) => _seed = entropy.NextUInt64();

    private struct Bucket
    {
        public ulong Prefix;

        /// <summary>Until when its allowance is used, in nanoseconds.</summary>
        public long UsedUntil;
    }

    /// <summary>Whether an answer may go to this address now; then it counts.</summary>
    /// <param name="client">The unproven address.</param>
    /// <param name="settings">The limits.</param>
    /// <param name="now">The time.</param>
    public bool TryAnswer(in TransportAddress client, TurnSettings settings, Instant now)
    {
        int rate = settings.UnauthenticatedAnswersPerSecond;
        if (rate == 0)
        {
            return true;
        }

        ref Bucket bucket = ref BucketOf(PrefixOf(client));
        long cost = 1_000_000_000L / rate;
        long next = Math.Max(bucket.UsedUntil, now.Nanoseconds) + cost;
        if (next - now.Nanoseconds > 1_000_000_000L * settings.UnauthenticatedBurst / rate)
        {
            return false;
        }

        bucket.UsedUntil = next;
        return true;
    }

    private ref Bucket BucketOf(ulong prefix)
    {
        ulong hash = (prefix ^ _seed) * 0x9E37_79B9_7F4A_7C15;
        Span<Bucket> set = _buckets.AsSpan((int)(hash >> 54) * Ways, Ways);
        int quietest = 0;
        for (int way = 0; way < Ways; way++)
        {
            if (set[way].Prefix == prefix)
            {
                return ref set[way];
            }

            if (set[way].UsedUntil < set[quietest].UsedUntil)
            {
                quietest = way;
            }
        }

        set[quietest] = new Bucket { Prefix = prefix };
        return ref set[quietest];
    }

    // Never 0, which is an empty bucket: IPv4 has the mapped form's bit, and no client has an address under ::/56.
    private static ulong PrefixOf(in TransportAddress client) =>
        client.IsIPv4 ? 0xFF00_0000_0000_0000 | client.IPv4 >> 8 : (ulong)(client.Value >> 72) | 1UL << 56;
}
