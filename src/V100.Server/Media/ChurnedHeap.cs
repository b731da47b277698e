namespace V100.Server.Media;

/// <summary>
/// Keeps a small managed heap small. Sessions live long enough to reach the oldest generation and die there: in hours of joins and leaves the
/// collector would hold twice what is live, since it compacts only where memory is short.
/// </summary>
/// <remarks>
/// <see cref="Sweep"/> is to be called every few seconds. It compacts after every <see cref="CollectionsBetween"/> of the collector's own
/// collections, so never while nothing allocates, as in forwarding; and never more than <paramref name="maxBytes"/>, since every thread stands
/// still meanwhile: 7 ms with 10 MiB live, as long as two collections of the youngest generation.
/// </remarks>
/// <param name="maxBytes">A heap of more is left to the collector, whose own pauses are shorter then.</param>
internal sealed class ChurnedHeap(long maxBytes = ChurnedHeap.DefaultMaxBytes)
{
    public const int CollectionsBetween = 4;
    private const long DefaultMaxBytes = 32 * 1024 * 1024;
    private int _seen = GC.CollectionCount(0);

    /// <summary>True when it compacted.</summary>
    public bool Sweep()
    {
        if (GC.CollectionCount(0) - _seen < CollectionsBetween || GC.GetTotalMemory(forceFullCollection: false) > maxBytes)
        {
            return false;
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        _seen = GC.CollectionCount(0);
        return true;
    }
}
