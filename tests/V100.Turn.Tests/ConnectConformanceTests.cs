using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>RFC 6062, as the conformance list numbers it.</summary>
public class ConnectConformanceTests
{
    private const string Peer = "192.0.2.10:80";

    private readonly TurnWorld _world = new();
    private readonly RawClient _client;
    private readonly TransportAddress _relayed;

    public ConnectConformanceTests()
    {
        _client = _world.StreamClient();
        _relayed = _client.Allocate(protocol: 6);
    }

    [Fact]
    public void Line_61_A_TCP_allocation_over_datagrams_is_400()
    {
        Assert.Equal(400, _world.Client().Request(RawClient.AllocateMessage(6)).Error);
        Assert.Equal(400, _world.StreamClient(2, transport: TransportProtocol.Dtls).Request(RawClient.AllocateMessage(6)).Error);
        Assert.Equal(0, _world.StreamClient(3, transport: TransportProtocol.Tls).Request(RawClient.AllocateMessage(6)).Error);
        RawClient client = _world.StreamClient(4);
        Assert.Equal(400, client.Request(RawClient.AllocateMessage(6).Add(Wire.EvenPort, 0)).Error);
        Assert.Equal(400, client.Request(RawClient.AllocateMessage(6).Add(Wire.DontFragment)).Error);
        Assert.Equal(400, client.Request(RawClient.AllocateMessage(6).Add(Wire.ReservationToken, new byte[8])).Error);
        Assert.Equal((_relayed, RelayTransport.Tcp), _world.Sockets[0].Open[_world.Sockets[0].At(_relayed)]);
    }

    [Fact]
    public void Line_62_Connect_is_answered_when_the_peer_is_connected()
    {
        (RawMessage request, TurnOutput connect) = Connect(Peer);
        Assert.Equal((Peer, _world.Sockets[0].At(_relayed)), (connect.Peer.ToString(), connect.Relay));
        Assert.Equal(446, _client.Request(ConnectMessage(Peer)).Error);
        _world.Shard.HandlePeerConnected(connect.Connection, _world.Now);
        RawMessage answer = Message(Output(TurnOutputKind.SendToClient));
        Assert.Equal((Wire.ConnectSuccess, true), (answer.Type, answer.IsSealed(_client.Key, sha256: false)));
        Assert.Equal(request.TransactionId, answer.TransactionId);
        Assert.Equal(connect.Connection.Value, answer.GetUInt32(Wire.ConnectionId));
        Assert.Equal(446, _client.Request(ConnectMessage(Peer)).Error);
        Connect("192.0.2.10:81");
        Assert.Equal(2, Record.Connections);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Line_62_A_peer_that_fails_or_is_silent_for_30_seconds_is_447(bool silent)
    {
        _client.NamesAlgorithm = true;
        (RawMessage request, TurnOutput connect) = Connect(Peer);
        if (silent)
        {
            _world.Advance(29.9);
            Assert.False(_world.Shard.TryPollOutput(out _));
            _world.Advance(0.2);
            Assert.Equal(connect.Connection, Output(TurnOutputKind.ClosePeer).Connection);
        }
        else
        {
            _world.Shard.HandlePeerClosed(connect.Connection, _world.Now);
        }

        RawMessage answer = Message(Output(TurnOutputKind.SendToClient));
        Assert.Equal((Wire.ConnectError, 447, true), (answer.Type, answer.Error, answer.IsSealed(_client.Key, sha256: true)));
        Assert.Equal(request.TransactionId, answer.TransactionId);
        Assert.Equal(0, Record.Connections);
        // Late news of a connection that was given up change nothing.
        _world.Shard.HandlePeerConnected(connect.Connection, _world.Now);
        Assert.False(_world.Shard.TryPollOutput(out _));
        Connect(Peer);
    }

    [Fact]
    public void Line_62_A_denied_peer_is_403_another_family_443_and_no_peer_400()
    {
        Assert.Equal(403, _client.Request(ConnectMessage("10.0.0.1:80")).Error);
        Assert.Equal(443, _client.Request(ConnectMessage("[2001:db8:9::1]:80")).Error);
        Assert.Equal(400, _client.Request(new RawMessage(Wire.ConnectRequest)).Error);
        Assert.Equal(400, _client.Request(ConnectMessage("192.0.2.10:0")).Error);
        RawClient udp = _world.StreamClient(2);
        udp.Allocate();
        Assert.Equal(400, udp.Request(ConnectMessage(Peer)).Error);
    }

    [Fact]
    public void Line_62_No_listener_of_this_server_is_a_peer_its_media_included()
    {
        TransportAddress media = TurnWorld.Parse($"{TurnWorld.RelayAddress}:3478");
        _world.Server.Apply(TurnWorld.Settings(rules: TurnWorld.Rules() with { MediaAddresses = [media] }));
        Assert.Equal(403, _client.Request(ConnectMessage($"{media}")).Error);
        Assert.Equal(403, _client.Request(ConnectMessage($"{TurnWorld.RelayAddress}:5432")).Error);
        Assert.Null(_client.Exchange(_client.Sign(ConnectMessage($"{TurnWorld.RelayAddress}:50050"))));
    }

    [Fact]
    public void Channels_and_Send_are_not_for_TCP_relays()
    {
        Assert.Equal(0, _client.CreatePermission(Peer).Error);
        Assert.Equal(400, _client.ChannelBind(0x4000, Peer).Error);
        Assert.Equal(TurnRouteKind.Nothing, _client.Send(Peer, 1).Route.Kind);
    }

    [Fact]
    public void Line_63_ConnectionBind_splices_over_a_stream_of_its_own()
    {
        PeerConnectionId id = Connected(Peer);
        Assert.Equal(400, Bind(_world.StreamClient(7), new PeerConnectionId(id.Value ^ 1)).Error);
        Assert.Equal(400, _world.StreamClient(7).Request(new RawMessage(Wire.ConnectionBindRequest)).Error);
        Assert.Equal(400, Bind(_world.Client(), id).Error);
        Assert.Equal(400, Bind(_client, id).Error);
        Assert.Equal(441, Bind(_world.StreamClient(7, user: "bob"), id).Error);
        RawClient data = _world.StreamClient(8);
        RawMessage answer = Bind(data, id);
        Assert.Equal((Wire.ConnectionBindSuccess, 0), (answer.Type, answer.Error));
        TurnOutput splice = Output(TurnOutputKind.Splice);
        Assert.Equal((data.Flow, id), (splice.Flow, splice.Connection));
        Assert.Equal(400, Bind(_world.StreamClient(9), id).Error);
        _world.Shard.HandleSpliced(id, 100, 200, _world.Now);
        Assert.Equal((100, 200), (Record.BytesToPeer, Record.BytesToClient));
        _world.Advance(100);
        Assert.False(_world.Shard.TryPollOutput(out _));
    }

    [Fact]
    public void Joined_connections_share_the_rate_of_their_user_and_may_owe_it()
    {
        var world = new TurnWorld(TurnWorld.Settings(maxBitsPerSecond: 80_000));
        RawClient control = world.StreamClient();
        control.Allocate(protocol: 6);
        control.Exchange(control.Sign(new RawMessage(Wire.ConnectRequest).AddXorAddress(Wire.XorPeerAddress, Peer)));
        Assert.True(world.Shard.TryPollOutput(out TurnOutput connect));
        world.Shard.HandlePeerConnected(connect.Connection, world.Now);
        Assert.True(world.Shard.TryPollOutput(out _));
        Bind(world.StreamClient(8), connect.Connection);
        Assert.True(world.Shard.TryPollOutput(out TurnOutput splice));
        UserRate rate = splice.Rate!;

        // 10,000 bytes a second, one second ahead.
        rate.Use(10_000, world.Now);
        Assert.Equal(TimeSpan.Zero, rate.Pause(world.Now));
        rate.Use(20_000, world.Now);
        Assert.Equal(TimeSpan.FromSeconds(2), rate.Pause(world.Now));
        world.Advance(1.5);
        Assert.Equal(TimeSpan.FromSeconds(0.5), rate.Pause(world.Now));

        // His datagrams wait for nobody: they are dropped meanwhile.
        RawClient other = world.Client("203.0.113.5:40001");
        other.Allocate();
        other.CreatePermission(Peer);
        Assert.Equal(TurnRouteKind.Nothing, other.Send(Peer, new byte[1000]).Route.Kind);
        world.Advance(0.6);
        Assert.Equal(TurnRouteKind.ToPeer, other.Send(Peer, new byte[1000]).Route.Kind);
        Assert.Equal(TimeSpan.Zero, rate.Pause(world.Now));

        // A reload may lift it at once.
        rate.Use(1_000_000, world.Now);
        world.Server.Apply(TurnWorld.Settings());
        Assert.Equal(TimeSpan.Zero, rate.Pause(world.Now));
    }

    [Fact]
    public void Line_63_What_is_not_bound_for_30_seconds_is_closed()
    {
        PeerConnectionId id = Connected(Peer);
        _world.Advance(29.9);
        Assert.False(_world.Shard.TryPollOutput(out _));
        _world.Advance(0.2);
        Assert.Equal(id, Output(TurnOutputKind.ClosePeer).Connection);
        Assert.False(_world.Shard.TryPollOutput(out _));
        Assert.Equal(400, Bind(_world.StreamClient(7), id).Error);
        Assert.Equal(1, _world.Count(TurnCounter.PeerConnectionsUnbound));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_end_of_one_side_of_a_splice_is_the_end_of_the_other(bool byClient)
    {
        PeerConnectionId id = Connected(Peer);
        RawClient data = _world.StreamClient(8);
        Bind(data, id);
        Output(TurnOutputKind.Splice);
        if (byClient)
        {
            _world.Shard.HandleClientClosed(data.Flow, _world.Now);
            Assert.Equal(id, Output(TurnOutputKind.ClosePeer).Connection);
        }
        else
        {
            _world.Shard.HandlePeerClosed(id, _world.Now);
            Assert.Equal(data.Flow, Output(TurnOutputKind.CloseClient).Flow);
        }

        Assert.False(_world.Shard.TryPollOutput(out _));
        Assert.Equal(0, Record.Connections);
        Connect(Peer);
    }

    [Fact]
    public void A_permitted_peer_that_connects_is_announced()
    {
        RelayId relay = _world.Sockets[0].At(_relayed);
        Assert.False(_world.Shard.HandlePeerAccepted(relay, TurnWorld.Parse("192.0.2.10:5555"), _world.Now, out _));
        _client.CreatePermission(Peer);
        Assert.True(_world.Shard.HandlePeerAccepted(relay, TurnWorld.Parse("192.0.2.10:5555"), _world.Now, out PeerConnectionId id));
        TurnOutput output = Output(TurnOutputKind.SendToClient);
        Assert.Equal(_client.Flow, output.Flow);
        RawMessage attempt = Message(output);
        Assert.Equal((Wire.ConnectionAttemptIndication, "192.0.2.10:5555", id.Value), (attempt.Type, attempt.Address(Wire.XorPeerAddress), attempt.GetUInt32(Wire.ConnectionId)));
        Assert.Equal(0, Bind(_world.StreamClient(8), id).Error);
        Assert.Equal(id, Output(TurnOutputKind.Splice).Connection);
    }

    [Fact]
    public void Connections_of_an_allocation_are_bounded()
    {
        var world = new TurnWorld(TurnWorld.Settings(maxConnections: 1));
        RawClient client = world.StreamClient();
        TransportAddress relayed = client.Allocate(protocol: 6);
        client.CreatePermission(Peer);
        Assert.Null(client.Exchange(client.Sign(ConnectMessage(Peer))));
        Assert.Equal(508, client.Request(ConnectMessage("192.0.2.10:81")).Error);
        Assert.False(world.Shard.HandlePeerAccepted(world.Sockets[0].At(relayed), TurnWorld.Parse(Peer), world.Now, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void With_an_allocation_go_all_of_its_connections(int way)
    {
        PeerConnectionId spliced = Connected(Peer);
        RawClient data = _world.StreamClient(8);
        Bind(data, spliced);
        Output(TurnOutputKind.Splice);
        PeerConnectionId unbound = Connected("192.0.2.10:81");
        (_, TurnOutput connecting) = Connect("192.0.2.10:82");
        if (way == 0)
        {
            _client.Refresh(0);
        }
        else
        {
            _world.Shard.HandleClientClosed(_client.Flow, _world.Now);
        }

        var outputs = new List<TurnOutput>();
        while (_world.Shard.TryPollOutput(out TurnOutput output))
        {
            outputs.Add(output);
        }

        Assert.Equal(
            new[] { spliced, unbound, connecting.Connection }.Order(Comparer<PeerConnectionId>.Create((left, right) => left.Value.CompareTo(right.Value))),
            outputs.Where(output => output.Kind == TurnOutputKind.ClosePeer).Select(output => output.Connection).OrderBy(id => id.Value));
        Assert.Equal(data.Flow, Assert.Single(outputs, output => output.Kind == TurnOutputKind.CloseClient).Flow);
        Assert.Equal(4, outputs.Count);
        _world.AssertEmpty();
    }

    [Fact]
    public void A_data_connection_may_come_in_on_any_shard()
    {
        var world = new TurnWorld(shards: 2);
        RawClient client = world.StreamClient(shard: 1);
        client.Allocate(protocol: 6);
        Assert.Null(client.Exchange(client.Sign(ConnectMessage(Peer))));
        Assert.True(world.Shards[1].TryPollOutput(out TurnOutput connect));
        Assert.Equal(1, connect.Connection.Shard);
        world.Shards[1].HandlePeerConnected(connect.Connection, world.Now);
        Assert.True(world.Shards[1].TryPollOutput(out _));
        RawClient data = world.StreamClient(2, shard: 0);
        Assert.Equal(0, Bind(data, connect.Connection).Error);
        Assert.True(world.Shards[1].TryPollOutput(out TurnOutput splice));
        Assert.Equal(TurnOutputKind.Splice, splice.Kind);
        Assert.Equal(400, Bind(world.StreamClient(3, shard: 0), new PeerConnectionId(0xFF00_0001)).Error);
        // The shard that sees the end of the stream says which one must be told.
        TurnRoute route = world.Shards[0].HandleClientClosed(data.Flow, world.Now);
        Assert.Equal((TurnRouteKind.HandOver, 1), (route.Kind, route.Shard));
        Assert.Equal(TurnRouteKind.Nothing, world.Shards[1].HandleClientClosed(data.Flow, world.Now).Kind);
        Assert.True(world.Shards[1].TryPollOutput(out TurnOutput closed));
        Assert.Equal((TurnOutputKind.ClosePeer, connect.Connection), (closed.Kind, closed.Connection));
        Assert.Equal(TurnRouteKind.Nothing, world.Shards[0].HandleClientClosed(data.Flow, world.Now).Kind);
    }

    private AllocationRecord Record => Assert.Single(_world.Server.Directory.Allocations);

    private static RawMessage ConnectMessage(string peer) => new RawMessage(Wire.ConnectRequest).AddXorAddress(Wire.XorPeerAddress, peer);

    private static RawMessage Bind(RawClient data, PeerConnectionId id) =>
        data.Request(new RawMessage(Wire.ConnectionBindRequest).AddUInt32(Wire.ConnectionId, id.Value));

    private (RawMessage Request, TurnOutput Output) Connect(string peer)
    {
        RawMessage request = _client.Sign(ConnectMessage(peer));
        Assert.Null(_client.Exchange(request));
        return (request, Output(TurnOutputKind.ConnectPeer));
    }

    private PeerConnectionId Connected(string peer)
    {
        PeerConnectionId id = Connect(peer).Output.Connection;
        _world.Shard.HandlePeerConnected(id, _world.Now);
        Output(TurnOutputKind.SendToClient);
        return id;
    }

    private TurnOutput Output(TurnOutputKind kind)
    {
        Assert.True(_world.Shard.TryPollOutput(out TurnOutput output));
        Assert.Equal(kind, output.Kind);
        return output;
    }

    private static RawMessage Message(TurnOutput output) => RawMessage.Parse(output.Message.Span);
}
