using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>RFC 8656, 9 to 12, as the conformance list numbers it.</summary>
public class PermissionConformanceTests
{
    private const string Peer = "192.0.2.10:7000";

    private readonly TurnWorld _world = new();
    private readonly RawClient _client;
    private readonly TransportAddress _relayed;

    public PermissionConformanceTests()
    {
        _client = _world.Client();
        _relayed = _client.Allocate();
    }

    [Fact]
    public void Line_46_No_peer_is_400_another_family_443_a_denied_one_403()
    {
        Assert.Equal(400, _client.CreatePermission().Error);
        Assert.Equal(400, _client.Request(new RawMessage(Wire.CreatePermissionRequest).Add(Wire.XorPeerAddress, 0, 1, 2, 3)).Error);
        Assert.Equal(443, _client.CreatePermission("[2001:db8:9::1]:7000").Error);
        Assert.Equal(403, _client.CreatePermission("10.0.0.1:7000").Error);
        Assert.Equal(0, _client.CreatePermission(Peer).Error);
    }

    [Theory]
    [InlineData("10.0.0.1:7000", 403)]
    [InlineData("[2001:db8:9::1]:7000", 443)]
    public void Line_47_Of_many_peers_one_bad_means_none(string bad, int code)
    {
        Assert.Equal(code, _client.CreatePermission("192.0.2.1:1", bad, "192.0.2.2:1").Error);
        Assert.Equal(code, _client.CreatePermission("192.0.2.1:1", "192.0.2.2:1", bad).Error);
        Assert.Equal(TurnRouteKind.Nothing, _client.Send("192.0.2.1:1", 1).Route.Kind);
        Assert.Equal(0, Assert.Single(_world.Server.Directory.Allocations).Permissions);
        Assert.Equal(0, _client.CreatePermission("192.0.2.1:1", "192.0.2.2:1").Error);
        Assert.Equal(TurnRouteKind.ToPeer, _client.Send("192.0.2.2:9", 1).Route.Kind);
        Assert.Equal(2, Assert.Single(_world.Server.Directory.Allocations).Permissions);
    }

    [Fact]
    public void Line_48_A_permission_holds_for_any_port_of_one_address_for_300_seconds()
    {
        _client.CreatePermission(Peer);
        Assert.NotNull(_client.FromPeer(_relayed, "192.0.2.10:1", 1));
        Assert.NotNull(_client.FromPeer(_relayed, "192.0.2.10:65535", 1));
        Assert.Null(_client.FromPeer(_relayed, "192.0.2.11:7000", 1));
        _world.Advance(299.9);
        Assert.NotNull(_client.FromPeer(_relayed, Peer, 1));
        _world.Advance(0.2);
        Assert.Null(_client.FromPeer(_relayed, Peer, 1));
        Assert.Equal(2, _world.Count(TurnCounter.DroppedNoPermission));
        _client.CreatePermission(Peer);
        _world.Advance(299.9);
        Assert.NotNull(_client.FromPeer(_relayed, Peer, 1));
    }

    [Fact]
    public void Line_49_Send_does_not_refresh_the_permission()
    {
        _client.CreatePermission(Peer);
        _world.Advance(299);
        Assert.Equal(TurnRouteKind.ToPeer, _client.Send(Peer, 1).Route.Kind);
        _world.Advance(1.1);
        Assert.Equal(TurnRouteKind.Nothing, _client.Send(Peer, 1).Route.Kind);
    }

    [Fact]
    public void Line_50_Empty_data_is_relayed()
    {
        _client.CreatePermission(Peer);
        Outcome outcome = _client.Send(Peer);
        Assert.Equal(TurnRouteKind.ToPeer, outcome.Route.Kind);
        Assert.Empty(outcome.Bytes);
        Assert.Equal(Peer, outcome.Route.Peer.ToString());
        Assert.Equal(_relayed, outcome.Route.RelayedAddress);
        Assert.Equal(_world.Sockets[0].At(_relayed), outcome.Route.Relay);
    }

    [Fact]
    public void Line_51_Send_without_a_permission_is_silence()
    {
        Assert.Equal(TurnRouteKind.Nothing, _client.Send(Peer, 1).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _world.Client("203.0.113.5:1").Send(Peer, 1).Route.Kind);
        Assert.Equal((1, 1), (_world.Count(TurnCounter.DroppedNoPermission), _world.Count(TurnCounter.DroppedNoAllocation)));
    }

    [Fact]
    public void A_Send_without_peer_or_data_or_with_an_unknown_attribute_is_silence()
    {
        _client.CreatePermission(Peer);
        RawMessage Whole() => new RawMessage(Wire.SendIndication).AddXorAddress(Wire.XorPeerAddress, Peer).Add(Wire.Data, 1);
        Assert.Equal(TurnRouteKind.ToPeer, _client.Give(Whole().Bytes).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give(Whole().Add(0x7123).Bytes).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give(new RawMessage(Wire.SendIndication).Add(Wire.Data, 1).Bytes).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give(new RawMessage(Wire.SendIndication).AddXorAddress(Wire.XorPeerAddress, Peer).Bytes).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give(new RawMessage(Wire.DataIndication).AddXorAddress(Wire.XorPeerAddress, Peer).Add(Wire.Data, 1).Bytes).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.Give(new RawMessage(Wire.AllocateSuccess).Bytes).Route.Kind);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(1201)]
    public void Line_52_A_permitted_peer_comes_as_Data(int length)
    {
        _client.CreatePermission(Peer);
        byte[] payload = [.. Enumerable.Range(1, length).Select(value => (byte)value)];
        RawMessage data = RawMessage.Parse(_client.FromPeer(_relayed, Peer, payload)!);
        Assert.Equal(Wire.DataIndication, data.Type);
        Assert.Equal(Peer, data.Address(Wire.XorPeerAddress));
        Assert.Equal(payload, data.Get(Wire.Data));
        Assert.Null(_client.FromPeer(_relayed, "192.0.2.11:7000", 1));
    }

    [Fact]
    public void Line_52_Over_IPv6_too()
    {
        RawClient client = _world.Client("[2001:db8:2::5]:1");
        RawMessage answer = client.Request(RawClient.AllocateMessage().Add(Wire.RequestedAddressFamily, 2, 0, 0, 0));
        Assert.Equal(0, client.CreatePermission("[2001:db8:9::1]:7000").Error);
        RawMessage data = RawMessage.Parse(client.FromPeer(TurnWorld.Parse(answer.Address(Wire.XorRelayedAddress)), "[2001:db8:9::1]:7000", 5)!);
        Assert.Equal("[2001:db8:9::1]:7000", data.Address(Wire.XorPeerAddress));
    }

    [Fact]
    public void What_is_too_long_for_a_datagram_to_the_client_is_dropped()
    {
        _client.CreatePermission(Peer);
        Assert.NotNull(_client.FromPeer(_relayed, Peer, new byte[65_507 - 36 - 3 & ~3]));
        Assert.Null(_client.FromPeer(_relayed, Peer, new byte[65_507 - 35]));
        Assert.Equal(1, _world.Count(TurnCounter.DroppedTooLong));
    }

    [Theory]
    [InlineData(3, 4, 1400u, 1400u)]
    [InlineData(3, 3, 99u, 0u)]
    [InlineData(11, 0, 99u, 0u)]
    public void Line_53_An_ICMP_error_comes_as_Data_with_the_ICMP_attribute(int type, int code, uint data, uint shown)
    {
        _client.CreatePermission(Peer);
        RawMessage message = Error(Peer, type, code, data)!;
        Assert.Equal(Wire.DataIndication, message.Type);
        Assert.Equal(Peer, message.Address(Wire.XorPeerAddress));
        Assert.False(message.Has(Wire.Data));
        byte[] icmp = message.Get(Wire.Icmp);
        Assert.Equal((type << 9 | code, shown), (icmp[2] << 8 | icmp[3], (uint)(icmp[4] << 24 | icmp[5] << 16 | icmp[6] << 8 | icmp[7])));
        Assert.Equal([0, 0], icmp[..2]);
    }

    [Fact]
    public void Line_53_Other_ICMP_and_that_about_peers_without_permission_is_dropped()
    {
        _client.CreatePermission(Peer);
        Assert.Null(Error(Peer, 5, 0, 0));
        Assert.Null(Error(Peer, 4, 0, 0));
        Assert.Null(Error("192.0.2.11:7000", 3, 3, 0));
        _world.Advance(301);
        Assert.Null(Error(Peer, 3, 3, 0));
        Assert.Equal(4, _world.Count(TurnCounter.DroppedIcmp));
    }

    [Fact]
    public void Permissions_are_bounded_and_ended_ones_make_room()
    {
        var world = new TurnWorld(TurnWorld.Settings(maxPermissions: 2));
        RawClient client = world.Client();
        client.Allocate();
        Assert.Equal(508, client.CreatePermission("192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1").Error);
        Assert.Equal(0, client.CreatePermission("192.0.2.1:1", "192.0.2.2:1").Error);
        Assert.Equal(0, client.CreatePermission("192.0.2.1:2").Error);
        Assert.Equal(508, client.CreatePermission("192.0.2.3:1").Error);
        Assert.Equal(508, client.ChannelBind(0x4000, "192.0.2.3:1").Error);
        world.Advance(301);
        Assert.Equal(0, client.CreatePermission("192.0.2.3:1", "192.0.2.4:1").Error);
    }

    [Fact]
    public void A_reload_of_the_peer_rules_holds_for_permissions_and_channels_that_stand()
    {
        _client.CreatePermission(Peer);
        _client.ChannelBind(0x4000, "192.0.2.20:1");
        PeerRules denied = TurnWorld.Rules() with { Denied = [System.Net.IPNetwork.Parse("192.0.2.0/24")] };
        _world.Server.Apply(TurnWorld.Settings(rules: denied));
        Assert.Equal(TurnRouteKind.Nothing, _client.Send(Peer, 1).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, _client.SendChannelData(0x4000, 1).Route.Kind);
        Assert.Null(_client.FromPeer(_relayed, Peer, 1));
        Assert.Null(_client.FromPeer(_relayed, "192.0.2.20:1", 1));
        Assert.Equal(4, _world.Count(TurnCounter.DroppedDeniedPeer));
        Denial denial = _world.Shard.Denials.Read()[0];
        Assert.Equal((PeerUse.Send, PeerVerdict.DeniedByRule, "alice"), (denial.Use, denial.Verdict, denial.User));
        _world.Server.Apply(TurnWorld.Settings());
        Assert.Equal(TurnRouteKind.ToPeer, _client.SendChannelData(0x4000, 1).Route.Kind);
    }

    [Fact]
    public void A_user_has_a_rate_over_all_of_his_allocations()
    {
        var world = new TurnWorld(TurnWorld.Settings(maxBitsPerSecond: 80_000));
        RawClient first = world.Client();
        RawClient second = world.Client("203.0.113.5:40001");
        TransportAddress relayed = first.Allocate();
        second.Allocate();
        first.CreatePermission(Peer);
        second.CreatePermission(Peer);
        var packet = new byte[1000];
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(TurnRouteKind.ToPeer, first.Send(Peer, packet).Route.Kind);
            Assert.Equal(TurnRouteKind.ToPeer, second.Send(Peer, packet).Route.Kind);
        }

        Assert.Equal(TurnRouteKind.Nothing, first.Send(Peer, packet).Route.Kind);
        Assert.Null(first.FromPeer(relayed, Peer, packet));
        world.Advance(0.1);
        Assert.NotNull(first.FromPeer(relayed, Peer, packet));
        Assert.Equal(TurnRouteKind.Nothing, second.Send(Peer, packet).Route.Kind);
        Assert.Equal(3, world.Count(TurnCounter.DroppedRateLimit));
    }

    [Fact]
    public void The_figures_of_an_allocation_are_readable()
    {
        _client.ChannelBind(0x4000, Peer);
        _client.SendChannelData(0x4000, new byte[100]);
        _client.Send(Peer, new byte[50]);
        _client.FromPeer(_relayed, Peer, new byte[7]);
        AllocationRecord record = Assert.Single(_world.Server.Directory.Allocations);
        Assert.Equal(("alice", _relayed, default(TransportAddress), 1, 1), (record.User, record.Relayed, record.AdditionalRelayed, record.Permissions, record.Channels));
        Assert.Equal((2, 150, 1, 7), (record.PacketsToPeer, record.BytesToPeer, record.PacketsToClient, record.BytesToClient));
        Assert.Equal((_world.Now, _world.Now + TimeSpan.FromSeconds(600)), (record.CreatedAt, record.ExpiresAt));
        Assert.True(_world.Server.Directory.TryFind(record.Id, out AllocationRecord found));
        Assert.Same(record, found);
        Assert.True(_world.Server.Directory.TryFindRelay(_relayed, out RelayLocation location));
        Assert.Equal(new RelayLocation(0, _world.Sockets[0].At(_relayed)), location);
    }

    private RawMessage? Error(string peer, int type, int code, uint data)
    {
        var header = new byte[TurnShard.MaxHeaderLength];
        TurnRoute route = _world.Shard.HandlePeerError(_world.Sockets[0].At(_relayed), TurnWorld.Parse(peer), (byte)type, (byte)code, data, header, _world.Now);
        return route.Kind == TurnRouteKind.Nothing ? null : RawMessage.Parse(header.AsSpan(0, route.HeaderLength));
    }
}
