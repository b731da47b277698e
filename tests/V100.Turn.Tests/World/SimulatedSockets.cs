using V100.Net;

namespace V100.Turn.Tests.World;

/// <summary>Relay sockets that only remember what is open.</summary>
internal sealed class SimulatedSockets : IRelaySockets
{
    private readonly Dictionary<RelayId, (TransportAddress Local, RelayTransport Transport)> _open = [];

    public bool SupportsDontFragment { get; set; } = true;

    /// <summary>Ports that the system gives to nobody.</summary>
    public Predicate<TransportAddress> IsInUse { get; set; } = _ => false;

    /// <summary>The relayed addresses that are open now.</summary>
    public IReadOnlyDictionary<RelayId, (TransportAddress Local, RelayTransport Transport)> Open => _open;

    public int Refused { get; private set; }

    public bool TryOpen(RelayId relay, in TransportAddress local, RelayTransport transport)
    {
        TransportAddress address = local;
        if (IsInUse(address) || _open.Values.Any(open => open.Local == address && open.Transport == transport))
        {
            Refused++;
            return false;
        }

        Assert.DoesNotContain(_open.Keys, open => open.Slot == relay.Slot);
        _open.Add(relay, (local, transport));
        return true;
    }

    public void Close(RelayId relay) => Assert.True(_open.Remove(relay));

    public RelayId At(in TransportAddress local)
    {
        TransportAddress address = local;
        return Assert.Single(_open, open => open.Value.Local == address).Key;
    }
}
