using V100.Net;

namespace V100.Sfu.Peers;

/// <summary>
/// The way of decisions from one shard to whoever writes them down. The shard never waits: what finds no room is dropped and counted
/// (<see cref="SfuCounter.TraceDropped"/>). Sessions that are not traced cost a read of a reference for each decision, and none for a packet.
/// </summary>
public sealed class DecisionTrace
{
    /// <summary>About ten seconds of a busy session.</summary>
    private const int Capacity = 4096;

    private readonly SpscRing<Decision> _ring = new(Capacity);

    /// <summary>The one reader.</summary>
    public bool TryRead(out Decision decision) => _ring.TryRead(out decision);

    /// <summary>The owning shard. False at the bound.</summary>
    public bool TryWrite(Decision decision) => _ring.TryWrite(in decision);
}
