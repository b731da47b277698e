using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>RFC 8656, 12, as the conformance list numbers it.</summary>
public class ChannelConformanceTests
{
    private const string Peer = "192.0.2.10:7000";

    private readonly TurnWorld _world = new();
    private readonly RawClient _client;
    private readonly TransportAddress _relayed;

    public ChannelConformanceTests()
    {
        _client = _world.Client();
        _relayed = _client.Allocate();
    }

    [Theory]
    [InlineData(0x4000, 0)]
    [InlineData(0x4FFF, 0)]
    [InlineData(0x3FFF, 400)]
    [InlineData(0x5000, 400)]
    [InlineData(0x7FFF, 400)]
    [InlineData(0, 400)]
    [InlineData(0xFFFF, 400)]
    public void Line_54_Channel_numbers_end_at_0x4FFF(int number, int code) => Assert.Equal(code, _client.ChannelBind(number, Peer).Error);

    [Fact]
    public void Line_54_A_bind_needs_number_and_peer()
    {
        Assert.Equal(400, _client.Request(new RawMessage(Wire.ChannelBindRequest).AddXorAddress(Wire.XorPeerAddress, Peer)).Error);
        Assert.Equal(400, _client.Request(new RawMessage(Wire.ChannelBindRequest).AddUInt32(Wire.ChannelNumber, 0x4000_0000)).Error);
        Assert.Equal(400, _client.Request(new RawMessage(Wire.ChannelBindRequest).Add(Wire.ChannelNumber, 0x40, 0).AddXorAddress(Wire.XorPeerAddress, Peer)).Error);
        Assert.Equal(443, _client.ChannelBind(0x4000, "[2001:db8:9::1]:7000").Error);
        Assert.Equal(403, _client.ChannelBind(0x4000, "127.0.0.1:7000").Error);
    }

    [Fact]
    public void Line_55_A_number_has_one_peer_and_a_peer_one_number()
    {
        Assert.Equal(0, _client.ChannelBind(0x4000, Peer).Error);
        Assert.Equal(400, _client.ChannelBind(0x4001, Peer).Error);
        Assert.Equal(400, _client.ChannelBind(0x4000, "192.0.2.10:7001").Error);
        Assert.Equal(0, _client.ChannelBind(0x4000, Peer).Error);
        Assert.Equal(0, _client.ChannelBind(0x4001, "192.0.2.10:7001").Error);
    }

    [Fact]
    public void Line_55_A_binding_lives_600_seconds_and_rests_300_more()
    {
        _client.ChannelBind(0x4000, Peer);
        _client.Refresh(3600);
        _world.Advance(599.9);
        Assert.Equal(TurnRouteKind.ToPeer, _client.SendChannelData(0x4000, 1).Route.Kind);
        _world.Advance(0.2);
        Assert.Equal(TurnRouteKind.Nothing, _client.SendChannelData(0x4000, 1).Route.Kind);
        Assert.Equal(400, _client.ChannelBind(0x4000, "192.0.2.10:7001").Error);
        Assert.Equal(400, _client.ChannelBind(0x4001, Peer).Error);
        _world.Advance(299);
        Assert.Equal(400, _client.ChannelBind(0x4001, Peer).Error);
        _world.Advance(1);
        Assert.Equal(0, _client.ChannelBind(0x4001, Peer).Error);
        Assert.Equal(0, _client.ChannelBind(0x4000, "192.0.2.10:7001").Error);
        Assert.Equal([0x40, 1, 0, 1, 9], _client.FromPeer(_relayed, Peer, 9));
    }

    [Fact]
    public void Line_55_The_same_pair_may_be_bound_again_at_any_time()
    {
        _client.ChannelBind(0x4000, Peer);
        _client.Refresh(3600);
        _world.Advance(700);
        Assert.Equal(0, _client.ChannelBind(0x4000, Peer).Error);
        Assert.Equal(TurnRouteKind.ToPeer, _client.SendChannelData(0x4000, 1).Route.Kind);
    }

    [Fact]
    public void Line_56_A_bind_installs_the_permission_too()
    {
        _client.ChannelBind(0x4000, Peer);
        Assert.Equal(TurnRouteKind.ToPeer, _client.Send("192.0.2.10:1", 1).Route.Kind);
        Assert.NotNull(_client.FromPeer(_relayed, "192.0.2.10:1", 1));
        _world.Advance(300.1);
        // The channel lives on, the peer's permission does not.
        Assert.Null(_client.FromPeer(_relayed, Peer, 1));
        Assert.Equal(TurnRouteKind.ToPeer, _client.SendChannelData(0x4000, 1).Route.Kind);
        _client.CreatePermission("192.0.2.10:0");
        Assert.Equal([0x40, 0, 0, 1, 1], _client.FromPeer(_relayed, Peer, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(1200)]
    public void Line_57_ChannelData_is_padded_over_streams_and_not_over_datagrams(int length)
    {
        byte[] payload = [.. Enumerable.Range(1, length).Select(value => (byte)value)];
        byte[] header = [0x40, 0, (byte)(length >> 8), (byte)length];
        _client.ChannelBind(0x4000, Peer);
        Assert.Equal([.. header, .. payload], _client.FromPeer(_relayed, Peer, payload)!);
        RawClient stream = _world.StreamClient();
        TransportAddress relayed = stream.Allocate();
        stream.ChannelBind(0x4000, Peer);
        Assert.Equal([.. header, .. payload, .. new byte[-length & 3]], stream.FromPeer(relayed, Peer, payload)!);
        foreach (RawClient client in new[] { _client, stream })
        {
            Assert.Equal(payload, client.SendChannelData(0x4000, payload).Bytes);
            Assert.Equal(payload, client.Give([.. header, .. payload, .. new byte[-length & 3]]).Bytes);
        }
    }

    [Fact]
    public void Line_58_A_length_beyond_the_datagram_or_an_unbound_number_is_silence()
    {
        _client.ChannelBind(0x4000, Peer);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give([0x40, 0, 0, 3, 1, 2]).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give([0x40, 0, 0]).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give([0x4F, 0xFF, 0, 1, 1]).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _world.Client("203.0.113.5:1").SendChannelData(0x4000, 1).Route.Kind);
        Assert.Equal((2, 1, 1), (_world.Count(TurnCounter.DroppedMalformed), _world.Count(TurnCounter.DroppedNoChannel), _world.Count(TurnCounter.DroppedNoAllocation)));
    }

    [Fact]
    public void Line_59_A_peer_with_a_channel_comes_as_ChannelData()
    {
        _client.CreatePermission(Peer);
        Assert.Equal(Wire.DataIndication, RawMessage.Parse(_client.FromPeer(_relayed, Peer, 1)!).Type);
        _client.ChannelBind(0x4123, Peer);
        Assert.Equal([0x41, 0x23, 0, 2, 5, 6], _client.FromPeer(_relayed, Peer, 5, 6));
        Assert.Equal(Wire.DataIndication, RawMessage.Parse(_client.FromPeer(_relayed, "192.0.2.10:7001", 1)!).Type);
    }

    [Fact]
    public void Channels_are_bounded()
    {
        var world = new TurnWorld(TurnWorld.Settings(maxPermissions: 3));
        RawClient client = world.Client();
        client.Allocate();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0, client.ChannelBind(0x4000 + i, $"192.0.2.10:{7000 + i}").Error);
        }

        Assert.Equal(508, client.ChannelBind(0x4003, "192.0.2.10:7003").Error);
        Assert.Equal(0, client.ChannelBind(0x4002, "192.0.2.10:7002").Error);
    }

    [Fact]
    public void This_servers_media_is_handed_over_in_the_process()
    {
        TransportAddress media = TurnWorld.Parse($"{TurnWorld.RelayAddress}:3478");
        var world = new TurnWorld(TurnWorld.Settings(rules: TurnWorld.Rules() with { MediaAddresses = [media] }));
        RawClient client = world.Client();
        TransportAddress relayed = client.Allocate();
        Assert.Equal(0, client.CreatePermission($"{media}").Error);
        Outcome outcome = client.Send($"{media}", 1, 2);
        Assert.Equal((TurnRouteKind.ToOwnMedia, relayed, media), (outcome.Route.Kind, outcome.Route.RelayedAddress, outcome.Route.Peer));
        Assert.Equal([1, 2], outcome.Bytes);
        Assert.Equal(0, client.ChannelBind(0x4000, $"{media}").Error);
        Assert.Equal(TurnRouteKind.ToOwnMedia, client.SendChannelData(0x4000, 1).Route.Kind);
        Assert.Equal([0x40, 0, 0, 1, 7], client.FromPeer(relayed, $"{media}", 7));

        // Another port of the same address is one of this machine's listeners; another relayed address is a peer.
        Assert.Equal(TurnRouteKind.Nothing, client.Send($"{TurnWorld.RelayAddress}:5432", 1).Route.Kind);
        Assert.Equal(403, client.ChannelBind(0x4001, $"{TurnWorld.RelayAddress}:5432").Error);
        Assert.Equal(TurnRouteKind.ToPeer, client.Send($"{TurnWorld.RelayAddress}:50050", 1).Route.Kind);
        Assert.Equal(0, client.ChannelBind(0x4001, $"{TurnWorld.RelayAddress}:50050").Error);
    }
}
