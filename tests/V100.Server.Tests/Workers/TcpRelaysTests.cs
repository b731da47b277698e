using System.Net;
using System.Net.Sockets;
using V100.Net;
using V100.Net.Sockets;
using V100.Server.Connections;
using V100.Server.Workers;
using V100.Turn;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Workers;

public sealed class TcpRelaysTests : IDisposable, IWakeable, IRelaySockets
{
    private static readonly TransportAddress Loopback = TransportAddress.From(IPAddress.Loopback, 0);
    private static readonly PeerConnectionId Id = new(7);
    private static readonly RelayId Relay = new(1);

    private readonly ConnectionTable _table = new(new ConnectionLimits(), 1, new ManualTime());
    private readonly TcpRelays _relays;
    private readonly TurnShard _shard;
    private readonly TcpListener _peer = new(IPAddress.Loopback, 0);
    private int _wakes;

    public TcpRelaysTests()
    {
        Instant now = MonotonicClock.Now;
        TurnSettings settings = new() { Credentials = new TurnCredentials("example", []), Peers = new PeerPolicy(new PeerRules()) };
        _shard = new TurnShard(0, new TurnServer(settings, 1, new SystemEntropy(), 0, now), this, new SystemEntropy(), now);
        _relays = new TcpRelays(this, _table);
        _peer.Start();
        Assert.True(_relays.TryListen(Relay, Loopback));
    }

    bool IRelaySockets.SupportsDontFragment => false;

    void IWakeable.Wake() => Interlocked.Increment(ref _wakes);

    public void Dispose()
    {
        _relays.Dispose();
        _peer.Dispose();
        _table.Dispose();
    }

    [Fact]
    public async Task A_connection_that_was_given_up_while_it_was_made_leaves_nothing_behind()
    {
        // More than once: the number is given out again.
        for (int round = 1; round <= 3; round++)
        {
            _relays.Carry(new TurnOutput(TurnOutputKind.ConnectPeer, default, Id, Relay, TransportAddress.From((IPEndPoint)_peer.LocalEndpoint)));
            Assert.Equal(1, _relays.Count);
            using Socket accepted = await _peer.AcceptSocketAsync();
            await UntilAsync(() => Volatile.Read(ref _wakes) == round);
            _relays.Carry(new TurnOutput(TurnOutputKind.ClosePeer, default, Id));
            _relays.HandleReports(_shard, MonotonicClock.Now);
            Assert.Equal(0, _relays.Count);
            Assert.Equal(0, await accepted.ReceiveAsync(new byte[1]));
        }
    }

    [Fact]
    public void What_cannot_be_joined_is_told_without_a_wake()
    {
        _relays.Join(new TurnOutput(TurnOutputKind.Splice, default, Id), []);
        Assert.True(_relays.HasFailures);
        Assert.False(_relays.HandleReports(_shard, MonotonicClock.Now));
        Assert.Equal((false, 0), (_relays.HasFailures, _wakes));
    }

    bool IRelaySockets.TryOpen(RelayId relay, in TransportAddress local, RelayTransport transport) => false;

    IDisposable? IRelaySockets.TryHold(in TransportAddress local) => null;

    bool IRelaySockets.TryAdopt(RelayId relay, IDisposable held) => throw new InvalidOperationException("nothing is held");

    void IRelaySockets.Close(RelayId relay)
    {
    }
}
