using System.Diagnostics.CodeAnalysis;

namespace V100.Turn;

/// <summary>The open relays of one shard by <see cref="RelayId"/>: a dense slot, and how many relays have had it.</summary>
internal sealed class RelayTable
{
    private const int MaxSlots = 1 << RelayId.SlotBits;

    private readonly List<Relay?> _relays = [];
    private readonly List<uint> _uses = [];
    private readonly Stack<int> _free = new();

    public int Count => _relays.Count - _free.Count;

    /// <summary>A number for a relay that is about to be opened; given back with <see cref="Free"/>. False at 2^20 relays.</summary>
    public bool TryReserve(out RelayId id)
    {
        if (!_free.TryPop(out int slot))
        {
            slot = _relays.Count;
            if (slot == MaxSlots)
            {
                id = default;
                return false;
            }

            _relays.Add(null);
            _uses.Add(0);
        }

        id = new RelayId(++_uses[slot] << RelayId.SlotBits | (uint)slot);
        return true;
    }

    public void Set(RelayId id, Relay relay) => _relays[id.Slot] = relay;

    public void Free(RelayId id)
    {
        _relays[id.Slot] = null;
        _free.Push(id.Slot);
    }

    public bool TryFind(RelayId id, [NotNullWhen(true)] out Relay? relay)
    {
        relay = (uint)id.Slot < (uint)_relays.Count ? _relays[id.Slot] : null;
        return relay is not null && relay.Id == id;
    }
}
