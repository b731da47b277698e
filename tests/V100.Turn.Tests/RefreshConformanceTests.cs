using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>RFC 8656, 6 and 8.2, RFC 8016 and RFC 5780, as the conformance list numbers them.</summary>
public class RefreshConformanceTests
{
    private readonly TurnWorld _world = new();

    [Fact]
    public void Line_43_Lifetime_0_ends_the_allocation_and_again_it_is_437()
    {
        RawClient client = _world.Client();
        TransportAddress relayed = client.Allocate();
        RawMessage answer = client.Refresh(0);
        Assert.Equal(Wire.RefreshSuccess, answer.Type);
        Assert.Equal(0u, answer.GetUInt32(Wire.Lifetime));
        _world.AssertEmpty();
        Assert.Null(client.FromPeer(relayed, "192.0.2.10:7000", 1));
        Assert.Equal(437, client.Refresh(0).Error);
    }

    [Fact]
    public void Line_44_Another_family_is_443_and_one_of_two_ends_alone()
    {
        RawClient client = _world.Client();
        client.Allocate();
        RawMessage WithFamily(byte family, uint lifetime) =>
            new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, lifetime).Add(Wire.RequestedAddressFamily, family, 0, 0, 0);
        Assert.Equal(443, client.Request(WithFamily(2, 600)).Error);
        Assert.Equal(0, client.Request(WithFamily(1, 600)).Error);

        RawClient both = _world.Client("203.0.113.5:40001");
        both.Request(RawClient.AllocateMessage().Add(Wire.AdditionalAddressFamily, 2, 0, 0, 0));
        both.ChannelBind(0x4001, "192.0.2.10:7000");
        both.ChannelBind(0x4002, "[2001:db8:9::1]:7000");
        Assert.Equal(0u, both.Request(WithFamily(1, 0)).GetUInt32(Wire.Lifetime));
        Assert.Equal(443, both.Request(WithFamily(1, 0)).Error);
        Assert.Equal(TurnRouteKind.Nothing, both.SendChannelData(0x4001, 1).Route.Kind);
        Assert.Equal(TurnRouteKind.Nothing, both.Send("192.0.2.10:7000", 1).Route.Kind);
        Assert.Equal(TurnRouteKind.ToPeer, both.SendChannelData(0x4002, 1).Route.Kind);
        Assert.Equal(2, _world.Sockets[0].Open.Count);
        Assert.Equal(0, both.Request(WithFamily(2, 0)).Error);
        client.Refresh(0);
        _world.AssertEmpty();
    }

    [Fact]
    public void Line_45_An_allocation_expires_in_its_second_and_its_port_is_free_again()
    {
        var world = new TurnWorld(TurnWorld.Settings(portMax: 50_000, relays: [TurnWorld.RelayAddress]));
        RawClient client = world.Client();
        TransportAddress relayed = client.Allocate();
        world.Advance(599.9);
        Assert.Equal(0, client.Refresh(700).Error);
        world.Advance(699.9);
        Assert.Equal(508, world.Client("203.0.113.5:40001").Request(RawClient.AllocateMessage()).Error);
        world.Advance(0.2);
        world.AssertEmpty();
        Assert.Equal(1, world.Count(TurnCounter.AllocationsExpired));
        Assert.Equal(437, client.Refresh(600).Error);
        Assert.Equal(relayed, world.Client("203.0.113.5:40001").Allocate());
    }

    [Fact]
    public void Line_64_Other_address_is_told_and_change_request_changes_the_source()
    {
        TransportAddress main = TurnWorld.Parse($"{TurnWorld.RelayAddress}:3478");
        TransportAddress other = TurnWorld.Parse("198.51.100.2:3479");
        var world = new TurnWorld(TurnWorld.Settings(discovery: new V100.Stun.NatDiscovery((main, other))));
        RawClient client = world.Client();
        foreach ((uint change, string source) in new[] { (0u, $"{main}"), (2u, "198.51.100.1:3479"), (4u, "198.51.100.2:3478"), (6u, $"{other}") })
        {
            var request = new RawMessage(Wire.BindingRequest).AddUInt32(Wire.ChangeRequest, change);
            Outcome outcome = client.Give(request.Bytes);
            RawMessage answer = RawMessage.Parse(outcome.Bytes);
            Assert.Equal(Wire.BindingSuccess, answer.Type);
            Assert.Equal(source, outcome.Route.Flow.Server.ToString());
            Assert.Equal(source, answer.Address(Wire.ResponseOrigin));
            Assert.Equal("198.51.100.2:3479", answer.Address(Wire.OtherAddress));
            Assert.Equal("203.0.113.5:40000", answer.Address(Wire.XorMappedAddress));
        }
    }

    [Fact]
    public void Line_64_Without_a_second_address_change_request_is_420()
    {
        var request = new RawMessage(Wire.BindingRequest).AddUInt32(Wire.ChangeRequest, 6);
        RawMessage answer = _world.Client().Exchange(request)!;
        Assert.Equal(420, answer.Error);
        Assert.Equal([0x00, 0x03], answer.Get(Wire.UnknownAttributes));
        Assert.False(_world.Client().Exchange(new RawMessage(Wire.BindingRequest))!.Has(Wire.OtherAddress));
    }

    [Fact]
    public void Line_65_With_mobility_off_a_ticket_is_405()
    {
        var world = new TurnWorld(TurnWorld.Settings(mobility: false));
        RawClient client = world.Client();
        Assert.Equal(405, client.Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket)).Error);
        client.Allocate();
        Assert.Equal(405, client.Request(new RawMessage(Wire.RefreshRequest).Add(Wire.MobilityTicket, new byte[18])).Error);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Line_65_A_client_moves_by_its_ticket_and_gets_another(int newShard)
    {
        var world = new TurnWorld(shards: 2);
        RawClient home = world.Client();
        RawMessage allocated = home.Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket));
        TransportAddress relayed = TurnWorld.Parse(allocated.Address(Wire.XorRelayedAddress));
        home.ChannelBind(0x4000, "192.0.2.10:7000");
        byte[] ticket = allocated.Get(Wire.MobilityTicket);

        RawClient away = world.Client("203.0.113.77:1234", shard: newShard);
        RawMessage move = away.Sign(new RawMessage(Wire.RefreshRequest).Add(Wire.MobilityTicket, ticket));
        RawMessage moved = away.Exchange(move)!;
        Assert.Equal(600u, moved.GetUInt32(Wire.Lifetime));
        Assert.NotEqual(ticket, moved.Get(Wire.MobilityTicket));
        // The answer is lost: the same request gets the same ticket.
        Assert.Equal(moved.Get(Wire.MobilityTicket), away.Exchange(move)!.Get(Wire.MobilityTicket));

        Assert.Equal([0x40, 0, 0, 1, 9], away.FromPeer(relayed, "192.0.2.10:7000", 9));
        Assert.Equal(TurnRouteKind.ToPeer, away.SendChannelData(0x4000, 1).Route.Kind);
        Assert.Equal(TurnRouteKind.ToPeer, away.Send("192.0.2.10:7001", 1).Route.Kind);
        Assert.Equal(0, away.CreatePermission("192.0.2.11:7000").Error);
        Assert.Equal(TurnRouteKind.Nothing, home.SendChannelData(0x4000, 1).Route.Kind);
        Assert.Equal(437, home.Refresh(600).Error);
        Assert.Equal("203.0.113.77:1234", Assert.Single(world.Server.Directory.Allocations).Client.Client.ToString());
        Assert.Equal(0, away.Refresh(0).Error);
        world.AssertEmpty();
    }

    [Fact]
    public void Line_65_A_ticket_is_good_until_its_successor_was_used_and_dies_with_the_allocation()
    {
        RawClient client = _world.Client();
        byte[] first = client.Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket)).Get(Wire.MobilityTicket);
        static RawMessage Move(byte[] ticket) => new RawMessage(Wire.RefreshRequest).Add(Wire.MobilityTicket, ticket);
        byte[] second = _world.Client("203.0.113.77:1").Request(Move(first)).Get(Wire.MobilityTicket);
        byte[] third = _world.Client("203.0.113.77:2").Request(Move(first)).Get(Wire.MobilityTicket);
        // The second one was never confirmed, and gave way.
        Assert.Equal(437, _world.Client("203.0.113.77:3").Request(Move(second)).Error);
        byte[] fourth = _world.Client("203.0.113.77:3").Request(Move(third)).Get(Wire.MobilityTicket);
        Assert.Equal(437, _world.Client("203.0.113.77:4").Request(Move(first)).Error);
        RawClient last = _world.Client("203.0.113.77:5");
        Assert.Equal(0u, last.Request(Move(fourth).AddUInt32(Wire.Lifetime, 0)).GetUInt32(Wire.Lifetime));
        _world.AssertEmpty();
        Assert.Equal(437, _world.Client("203.0.113.77:6").Request(Move(fourth)).Error);
    }

    [Fact]
    public void Line_65_Another_user_is_441_an_unknown_ticket_437()
    {
        RawClient client = _world.Client();
        byte[] ticket = client.Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket)).Get(Wire.MobilityTicket);
        Assert.Equal(400, _world.Client("203.0.113.5:40009").Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket, ticket)).Error);
        RawMessage Move(byte[] shown) => new RawMessage(Wire.RefreshRequest).Add(Wire.MobilityTicket, shown);
        Assert.Equal(441, _world.Client("203.0.113.77:1", "bob").Request(Move(ticket)).Error);
        Assert.Equal(437, _world.Client("203.0.113.77:1").Request(Move(new byte[ticket.Length])).Error);
        Assert.Equal(437, _world.Client("203.0.113.77:1").Request(Move([])).Error);
        Assert.Equal(437, _world.Client("203.0.113.77:1").Request(Move([0xFF, 0xFF, .. ticket[2..]])).Error);
        // A flow with an allocation of its own takes over no other.
        RawClient busy = _world.Client("203.0.113.77:2");
        busy.Allocate();
        Assert.Equal(437, busy.Request(Move(ticket)).Error);
        Assert.Equal(0, client.Refresh(0).Error);
    }

    [Fact]
    public void Line_65_A_flow_with_an_allocation_on_one_shard_is_not_sent_to_and_fro_by_a_ticket_of_another()
    {
        var world = new TurnWorld(shards: 2);
        byte[] ticket = world.Client().Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket)).Get(Wire.MobilityTicket);
        RawClient busy = world.StreamClient(shard: 1);
        busy.Allocate();
        Assert.Equal(437, busy.Request(new RawMessage(Wire.RefreshRequest).Add(Wire.MobilityTicket, ticket)).Error);
        Assert.Equal(400, busy.Request(new RawMessage(Wire.ConnectionBindRequest).AddUInt32(Wire.ConnectionId, 1)).Error);
        Assert.Equal(0, world.Count(TurnCounter.HandedOver));
    }

    [Fact]
    public void Line_65_A_lost_connection_waits_for_its_client_until_the_allocation_expires()
    {
        RawClient stream = _world.StreamClient();
        RawMessage allocated = stream.Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket));
        TransportAddress relayed = TurnWorld.Parse(allocated.Address(Wire.XorRelayedAddress));
        stream.CreatePermission("192.0.2.10:7000");
        _world.Shard.HandleClientClosed(stream.Flow, _world.Now);
        Assert.Null(stream.FromPeer(relayed, "192.0.2.10:7000", 1));
        Assert.Equal(1, _world.Count(TurnCounter.DroppedDetached));
        RawClient back = _world.StreamClient(connection: 2, address: "203.0.113.77:1");
        Assert.Equal(0, back.Request(new RawMessage(Wire.RefreshRequest).Add(Wire.MobilityTicket, allocated.Get(Wire.MobilityTicket))).Error);
        Assert.NotNull(back.FromPeer(relayed, "192.0.2.10:7000", 1));
        Assert.False(_world.Shard.TryPollOutput(out _));
        _world.Shard.HandleClientClosed(back.Flow, _world.Now);
        _world.Advance(601);
        _world.AssertEmpty();
    }

    [Fact]
    public void Line_65_The_stream_that_a_client_left_is_closed()
    {
        RawClient stream = _world.StreamClient();
        byte[] ticket = stream.Request(RawClient.AllocateMessage().Add(Wire.MobilityTicket)).Get(Wire.MobilityTicket);
        RawClient udp = _world.Client("203.0.113.77:1");
        Assert.Equal(0, udp.Request(new RawMessage(Wire.RefreshRequest).Add(Wire.MobilityTicket, ticket)).Error);
        Assert.True(_world.Shard.TryPollOutput(out TurnOutput output));
        Assert.Equal((TurnOutputKind.CloseClient, stream.Flow), (output.Kind, output.Flow));
        // What is still said of the old stream is about nobody.
        _world.Shard.HandleClientClosed(stream.Flow, _world.Now);
        Assert.Equal(0, udp.Refresh(600).Error);
    }

    [Fact]
    public void The_end_of_a_stream_is_the_end_of_its_allocation()
    {
        RawClient stream = _world.StreamClient();
        stream.Allocate();
        _world.Shard.HandleClientClosed(stream.Flow, _world.Now);
        _world.AssertEmpty();
    }

    [Fact]
    public void A_command_ends_an_allocation_and_Close_all_of_them()
    {
        RawClient client = _world.Client();
        client.Allocate();
        _world.Client("203.0.113.5:40001").Allocate();
        _world.Client("203.0.113.5:40002").Allocate();
        AllocationRecord record = _world.Server.Directory.Allocations.Single(allocation => allocation.Client == client.Flow);
        Assert.Equal(0, record.Id.Shard);
        _world.Shard.HandleCommand(new TurnCommand(TurnCommandKind.Delete, record.Id), _world.Now);
        _world.Shard.HandleCommand(new TurnCommand(TurnCommandKind.Delete, record.Id), _world.Now);
        Assert.Equal(437, client.Refresh(600).Error);
        Assert.Equal(2, _world.Server.Quotas.Total);
        _world.Shard.Close(_world.Now);
        _world.AssertEmpty();
    }
}
