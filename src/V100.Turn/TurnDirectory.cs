using System.Collections.Concurrent;
using V100.Net;

namespace V100.Turn;

/// <summary>Where a relayed address is served.</summary>
public readonly record struct RelayLocation(int Shard, RelayId Relay);

/// <summary>
/// What every thread can find: all allocations with their figures, the shard of a client's flow, and the relay socket of a relayed
/// address. Reads take no lock. Bounded by the allocations that the quotas admit.
/// </summary>
public sealed class TurnDirectory
{
    private readonly ConcurrentDictionary<AllocationId, AllocationRecord> _allocations = new();
    private readonly ConcurrentDictionary<ClientFlow, int> _flows = new();
    private readonly ConcurrentDictionary<TransportAddress, RelayLocation> _relays = new();

    private readonly ConcurrentQueue<AllocationRecord> _ended = new();

    public int Count => _allocations.Count;

    /// <summary>
    /// Whether allocations that end are kept for <see cref="TryTakeEnded"/>. Who sets it must take them, at least once a second: they
    /// are as many as end in between.
    /// </summary>
    public bool KeepsEnded { get; set; }

    /// <summary>An allocation that ended, with its last figures.</summary>
    public bool TryTakeEnded(out AllocationRecord allocation) => _ended.TryDequeue(out allocation!);

    /// <summary>All that there are; what comes and goes during the walk may be in it or not.</summary>
    public IEnumerable<AllocationRecord> Allocations
    {
        get
        {
            foreach (KeyValuePair<AllocationId, AllocationRecord> pair in _allocations)
            {
                yield return pair.Value;
            }
        }
    }

    public bool TryFind(AllocationId id, out AllocationRecord allocation) => _allocations.TryGetValue(id, out allocation!);

    /// <summary>The UDP relay socket with this relayed address, as peers see it: for media that this process sends to a relayed address of its own.</summary>
    public bool TryFindRelay(in TransportAddress relayed, out RelayLocation location) => _relays.TryGetValue(relayed, out location);

    internal bool TryFindOwner(in ClientFlow flow, out int shard) => _flows.TryGetValue(flow, out shard);

    internal void Add(AllocationRecord allocation) => _allocations[allocation.Id] = allocation;

    internal void Remove(AllocationRecord allocation)
    {
        // In this order: who takes what ended and then walks what lives meets no allocation twice.
        _allocations.TryRemove(allocation.Id, out _);
        if (KeepsEnded)
        {
            _ended.Enqueue(allocation);
        }
    }

    internal void AddFlow(in ClientFlow flow, int shard) => _flows[flow] = shard;

    internal void RemoveFlow(in ClientFlow flow, int shard) => _flows.TryRemove(new KeyValuePair<ClientFlow, int>(flow, shard));

    internal void AddRelay(in TransportAddress relayed, RelayLocation location) => _relays[relayed] = location;

    internal void RemoveRelay(in TransportAddress relayed, RelayLocation location) =>
        _relays.TryRemove(new KeyValuePair<TransportAddress, RelayLocation>(relayed, location));
}
