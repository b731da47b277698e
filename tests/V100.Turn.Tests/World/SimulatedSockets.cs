using V100.Net;

namespace V100.Turn.Tests.World;

/// <summary>Relay sockets that only remember what is open.</summary>
internal sealed class SimulatedSockets : IRelaySockets
{
    private readonly Dictionary<RelayId, (TransportAddress Local, RelayTransport Transport)> _open = [];
    private readonly HashSet<TransportAddress> _held = [];

    public bool SupportsDontFragment { get; set; } = true;

    /// <summary>Ports that the system gives to nobody.</summary>
    public Predicate<TransportAddress> IsInUse { get; set; } = _ => false;

    /// <summary>The relayed addresses that are open now.</summary>
    public IReadOnlyDictionary<RelayId, (TransportAddress Local, RelayTransport Transport)> Open => _open;

    /// <summary>Held for allocations to come.</summary>
    public IReadOnlyCollection<TransportAddress> Held => _held;

    public int Refused { get; private set; }

    public bool TryOpen(RelayId relay, in TransportAddress local, RelayTransport transport)
    {
        TransportAddress address = local;
        bool isHeld;
        lock (_held)
        {
            isHeld = transport == RelayTransport.Udp && _held.Contains(address);
        }

        if (isHeld || IsInUse(address) || _open.Values.Any(open => open.Local == address && open.Transport == transport))
        {
            Refused++;
            return false;
        }

        Assert.DoesNotContain(_open.Keys, open => open.Slot == relay.Slot);
        _open.Add(relay, (local, transport));
        return true;
    }

    public IDisposable? TryHold(in TransportAddress local)
    {
        TransportAddress address = local;
        lock (_held)
        {
            if (IsInUse(address) || _open.Values.Any(open => open.Local == address) || !_held.Add(address))
            {
                Refused++;
                return null;
            }
        }

        return new HeldSocket(this, local);
    }

    public bool TryAdopt(RelayId relay, IDisposable held)
    {
        var socket = (HeldSocket)held;
        socket.Dispose();
        Assert.DoesNotContain(_open.Keys, open => open.Slot == relay.Slot);
        _open.Add(relay, (socket.Local, RelayTransport.Udp));
        return true;
    }

    public void Close(RelayId relay) => Assert.True(_open.Remove(relay));

    public RelayId At(in TransportAddress local)
    {
        TransportAddress address = local;
        return Assert.Single(_open, open => open.Value.Local == address).Key;
    }

    /// <summary>Of the sockets that made it, whoever has it now.</summary>
    private sealed class HeldSocket(SimulatedSockets sockets, TransportAddress local) : IDisposable
    {
        public TransportAddress Local => local;

        public void Dispose()
        {
            lock (sockets._held)
            {
                Assert.True(sockets._held.Remove(local), "held no more");
            }
        }
    }
}
