using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>RFC 8656, 7.2, as the conformance list numbers it.</summary>
public class AllocateConformanceTests
{
    private readonly TurnWorld _world = new();

    [Fact]
    public void Line_29_Without_a_transport_it_is_400()
    {
        Assert.Equal(400, _world.Client().Request(new RawMessage(Wire.AllocateRequest)).Error);
        Assert.Equal(400, _world.Client().Request(new RawMessage(Wire.AllocateRequest).Add(Wire.RequestedTransport, 17)).Error);
        _world.AssertEmpty();
    }

    [Fact]
    public void Line_30_Another_protocol_is_442()
    {
        Assert.Equal(442, _world.Client().Request(RawClient.AllocateMessage(99)).Error);
        var world = new TurnWorld(TurnWorld.Settings(tcpRelays: false));
        Assert.Equal(442, world.StreamClient().Request(RawClient.AllocateMessage(6)).Error);
    }

    [Theory]
    [InlineData("203.0.113.5:40000")]
    [InlineData("[2001:db8:2::5]:40000")]
    public void Line_31_A_success_has_relayed_and_mapped_address_lifetime_and_integrity(string client)
    {
        RawMessage answer = _world.Client(client).Request(RawClient.AllocateMessage());
        Assert.Equal(Wire.AllocateSuccess, answer.Type);
        Assert.Equal(client, answer.Address(Wire.XorMappedAddress));
        Assert.Equal(600u, answer.GetUInt32(Wire.Lifetime));
        TransportAddress relayed = TurnWorld.Parse(answer.Address(Wire.XorRelayedAddress));
        Assert.Equal(TurnWorld.Address(TurnWorld.RelayAddress), relayed.WithPort(0));
        Assert.InRange(relayed.Port, 50_000, 50_099);
        Assert.Equal((relayed, RelayTransport.Udp), Assert.Single(_world.Sockets[0].Open).Value);
    }

    [Fact]
    public void Line_32_A_second_allocate_is_437()
    {
        RawClient client = _world.Client();
        client.Allocate();
        Assert.Equal(437, client.Request(RawClient.AllocateMessage()).Error);
        Assert.Equal(437, client.Request(new RawMessage(Wire.AllocateRequest)).Error);
    }

    [Theory]
    [InlineData(0u, 600u)]
    [InlineData(10u, 600u)]
    [InlineData(601u, 601u)]
    [InlineData(3600u, 3600u)]
    [InlineData(uint.MaxValue, 3600u)]
    public void Line_33_The_lifetime_is_at_least_600_and_at_most_the_maximum(uint wanted, uint granted)
    {
        RawClient client = _world.Client();
        Assert.Equal(granted, client.Request(RawClient.AllocateMessage().AddUInt32(Wire.Lifetime, wanted)).GetUInt32(Wire.Lifetime));
        if (wanted != 0)
        {
            Assert.Equal(granted, client.Refresh(wanted).GetUInt32(Wire.Lifetime));
        }
    }

    [Fact]
    public void Line_34_Even_port_without_reservation_leaves_the_sibling_free()
    {
        var world = new TurnWorld(TurnWorld.Settings(portMin: 50_000, portMax: 50_003));
        for (int i = 0; i < 2; i++)
        {
            RawMessage answer = world.Client($"203.0.113.5:{40000 + i}").Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0));
            Assert.Equal(0, TurnWorld.Parse(answer.Address(Wire.XorRelayedAddress)).Port & 1);
            Assert.False(answer.Has(Wire.ReservationToken));
        }

        Assert.Equal(508, world.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0)).Error);
        for (int i = 3; i < 5; i++)
        {
            Assert.Equal(1, world.Client($"203.0.113.5:{40000 + i}").Allocate().Port & 1);
        }
    }

    [Fact]
    public void Line_35_A_reserved_port_is_redeemed_by_its_token()
    {
        RawClient rtp = _world.Client();
        RawMessage first = rtp.Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80));
        TransportAddress relayed = TurnWorld.Parse(first.Address(Wire.XorRelayedAddress));
        Assert.Equal(0, relayed.Port & 1);
        byte[] token = first.Get(Wire.ReservationToken);
        Assert.Equal(2, _world.Server.Quotas.Total);
        _world.Advance(29.9);
        RawClient stranger = _world.Client("203.0.113.5:40009", "bob");
        Assert.Equal(508, stranger.Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, token)).Error);
        RawClient rtcp = _world.Client("203.0.113.5:40001");
        RawMessage second = rtcp.Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, token));
        Assert.Equal(relayed.WithPort((ushort)(relayed.Port + 1)), TurnWorld.Parse(second.Address(Wire.XorRelayedAddress)));
        Assert.Equal(2, _world.Server.Quotas.Total);
        Assert.Equal(508, _world.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, token)).Error);
        rtp.Refresh(0);
        rtcp.Refresh(0);
        _world.Advance(31);
        _world.AssertEmpty();
    }

    [Fact]
    public void Line_35_A_reservation_ends_after_30_seconds_and_gives_back_its_port_and_charge()
    {
        RawClient client = _world.Client();
        byte[] token = client.Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80)).Get(Wire.ReservationToken);
        client.Refresh(0);
        Assert.Equal(1, _world.Server.Ports.TakenCount);
        Assert.Equal(1, _world.Server.Quotas.ChargedTo("alice"));
        _world.Advance(30.1);
        _world.AssertEmpty();
        Assert.Equal(508, client.Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, token)).Error);
    }

    [Fact]
    public void Line_35_A_token_is_redeemed_on_any_shard()
    {
        var world = new TurnWorld(shards: 2);
        byte[] token = world.Client(shard: 0).Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80)).Get(Wire.ReservationToken);
        Assert.Equal(0, world.Client("203.0.113.5:40001", shard: 1).Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, token)).Error);
        Assert.Single(world.Sockets[1].Open);
        Assert.Empty(world.Sockets[0].Held);
    }

    [Fact]
    public void Line_35_A_reserved_port_is_held_until_it_is_redeemed_or_its_time_is_over()
    {
        RawMessage first = _world.Client().Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80));
        TransportAddress relayed = TurnWorld.Parse(first.Address(Wire.XorRelayedAddress));
        TransportAddress upper = relayed.WithPort((ushort)(relayed.Port + 1));
        Assert.Equal(upper, Assert.Single(_world.Sockets[0].Held));
        _world.Client("203.0.113.5:40001").Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, first.Get(Wire.ReservationToken)));
        Assert.Empty(_world.Sockets[0].Held);
        _world.Sockets[0].At(upper);

        // The timer of what was redeemed ends nothing; another that nobody wants is closed.
        _world.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80));
        Assert.Single(_world.Sockets[0].Held);
        _world.Advance(30.1);
        Assert.Empty(_world.Sockets[0].Held);
        Assert.Equal(3, _world.Sockets[0].Open.Count);
    }

    [Fact]
    public void Line_35_A_pair_whose_upper_port_another_program_has_is_passed_over()
    {
        var world = new TurnWorld(TurnWorld.Settings(portMin: 50_000, portMax: 50_007));
        world.Sockets[0].IsInUse = address => address.Port is 50_001 or 50_003 or 50_004;
        RawMessage answer = world.Client().Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80));
        Assert.Equal(50_006, TurnWorld.Parse(answer.Address(Wire.XorRelayedAddress)).Port);
        Assert.Equal(50_007, Assert.Single(world.Sockets[0].Held).Port);
        Assert.Equal(2, world.Server.Ports.TakenCount);

        // No pair is left. What failed gave everything back.
        Assert.Equal(508, world.Client("203.0.113.5:40001").Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80)).Error);
        Assert.Equal(2, world.Server.Ports.TakenCount);
        Assert.Equal(2, world.Server.Quotas.Total);
        Assert.Single(world.Sockets[0].Open);
        world.Shard.Close(world.Now);
        world.AssertEmpty();
    }

    [Fact]
    public void Line_36_A_token_with_even_port_is_400_and_a_bad_one_508()
    {
        RawClient client = _world.Client();
        Assert.Equal(400, client.Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, new byte[8]).Add(Wire.EvenPort, 0)).Error);
        Assert.Equal(400, client.Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, new byte[7])).Error);
        Assert.Equal(508, client.Request(RawClient.AllocateMessage().Add(Wire.ReservationToken, new byte[8])).Error);
        Assert.Equal(400, client.Request(RawClient.AllocateMessage().Add(Wire.EvenPort)).Error);
        _world.AssertEmpty();
    }

    [Fact]
    public void Line_37_The_family_that_is_asked_for_or_440()
    {
        RawMessage IPv6() => RawClient.AllocateMessage().Add(Wire.RequestedAddressFamily, 2, 0, 0, 0);
        Assert.StartsWith("[", _world.Client().Request(IPv6()).Address(Wire.XorRelayedAddress), StringComparison.Ordinal);
        Assert.StartsWith(TurnWorld.RelayAddress, _world.Client("203.0.113.5:40001").Request(RawClient.AllocateMessage()).Address(Wire.XorRelayedAddress), StringComparison.Ordinal);
        Assert.Equal(440, _world.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage().Add(Wire.RequestedAddressFamily, 3, 0, 0, 0)).Error);
        Assert.Equal(400, _world.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage().Add(Wire.RequestedAddressFamily, 2, 0)).Error);
        var ipv4 = new TurnWorld(TurnWorld.Settings(relays: [TurnWorld.RelayAddress]));
        Assert.Equal(440, ipv4.Client().Request(IPv6()).Error);
        var ipv6 = new TurnWorld(TurnWorld.Settings(relays: [TurnWorld.RelayAddress6]));
        Assert.Equal(440, ipv6.Client().Request(RawClient.AllocateMessage()).Error);
    }

    [Fact]
    public void Line_38_An_additional_family_gives_two_addresses_or_says_why_not()
    {
        static RawMessage Both() => RawClient.AllocateMessage().Add(Wire.AdditionalAddressFamily, 2, 0, 0, 0);
        RawClient client = _world.Client();
        string[] relayed = client.Request(Both()).Addresses(Wire.XorRelayedAddress);
        Assert.Equal(2, relayed.Length);
        Assert.StartsWith(TurnWorld.RelayAddress, relayed[0], StringComparison.Ordinal);
        Assert.StartsWith($"[{TurnWorld.RelayAddress6}]", relayed[1], StringComparison.Ordinal);
        Assert.Equal(0, client.CreatePermission("192.0.2.10:7000", "[2001:db8:9::1]:7000").Error);
        Assert.Equal(TurnRouteKind.ToPeer, client.Send("192.0.2.10:7000", 1).Route.Kind);
        TurnRoute route = client.Send("[2001:db8:9::1]:7000", 1).Route;
        Assert.Equal(relayed[1], route.RelayedAddress.ToString());
        client.Refresh(0);
        _world.AssertEmpty();

        RawMessage one = new TurnWorld(TurnWorld.Settings(relays: [TurnWorld.RelayAddress])).Client().Request(Both());
        Assert.StartsWith(TurnWorld.RelayAddress, one.Address(Wire.XorRelayedAddress), StringComparison.Ordinal);
        Assert.Equal([2, 0, 4, 40], one.Get(Wire.AddressErrorCode));
        RawMessage other = new TurnWorld(TurnWorld.Settings(relays: [TurnWorld.RelayAddress6])).Client().Request(Both());
        Assert.Equal([1, 0, 4, 40], other.Get(Wire.AddressErrorCode));

        var full = new TurnWorld();
        full.Sockets[0].IsInUse = address => !address.IsIPv4;
        Assert.Equal([2, 0, 5, 8], full.Client().Request(Both()).Get(Wire.AddressErrorCode));
        full.Sockets[0].IsInUse = _ => true;
        Assert.Equal(508, full.Client("203.0.113.5:40001").Request(Both()).Error);
    }

    [Fact]
    public void Line_39_An_additional_family_goes_with_nothing_else()
    {
        static RawMessage Additional(byte family) => RawClient.AllocateMessage().Add(Wire.AdditionalAddressFamily, family, 0, 0, 0);
        RawClient client = _world.Client();
        Assert.Equal(400, client.Request(Additional(1)).Error);
        Assert.Equal(400, client.Request(Additional(3)).Error);
        Assert.Equal(400, client.Request(Additional(2).Add(Wire.RequestedAddressFamily, 1, 0, 0, 0)).Error);
        Assert.Equal(400, client.Request(Additional(2).Add(Wire.ReservationToken, new byte[8])).Error);
        Assert.Equal(400, client.Request(Additional(2).Add(Wire.EvenPort, 0x80)).Error);
        Assert.Equal(400, client.Request(RawClient.AllocateMessage().Add(Wire.RequestedAddressFamily, 1, 0, 0, 0).Add(Wire.ReservationToken, new byte[8])).Error);
        _world.AssertEmpty();
        Assert.Equal(0, client.Request(Additional(2).Add(Wire.EvenPort, 0)).Error);
    }

    [Fact]
    public void Line_40_Dont_fragment_is_obeyed_or_unknown()
    {
        RawClient client = _world.Client();
        Assert.Equal(0, client.Request(RawClient.AllocateMessage().Add(Wire.DontFragment)).Error);
        client.CreatePermission("192.0.2.10:7000");
        byte[] send = new RawMessage(Wire.SendIndication).AddXorAddress(Wire.XorPeerAddress, "192.0.2.10:7000").Add(Wire.DontFragment).Add(Wire.Data, 1, 2, 3).Bytes;
        Outcome outcome = client.Give(send);
        Assert.True(outcome.Route.DontFragment);
        Assert.Equal([1, 2, 3], outcome.Bytes);
        Assert.False(client.Send("192.0.2.10:7000", 1).Route.DontFragment);

        _world.Sockets[0].SupportsDontFragment = false;
        Assert.Equal(TurnRouteKind.Nothing, client.Give(send).Route.Kind);
        RawMessage answer = _world.Client("203.0.113.5:40001").Request(RawClient.AllocateMessage().Add(Wire.DontFragment));
        Assert.Equal(420, answer.Error);
        Assert.Equal([0x00, 0x1A], answer.Get(Wire.UnknownAttributes));
    }

    [Fact]
    public void Line_41_The_users_quota_is_486_and_no_port_508()
    {
        var world = new TurnWorld(TurnWorld.Settings(maxPerUser: 2, maxAllocations: 3, portMax: 50_009));
        RawClient first = world.Client("203.0.113.5:40001");
        first.Allocate();
        Assert.Equal(486, world.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80)).Error);
        world.Client("203.0.113.5:40002").Allocate();
        Assert.Equal(486, world.Client("203.0.113.5:40003").Request(RawClient.AllocateMessage()).Error);
        world.Client("203.0.113.5:40004", "bob").Allocate();
        Assert.Equal(508, world.Client("203.0.113.5:40005", "bob").Request(RawClient.AllocateMessage()).Error);
        first.Refresh(0);
        world.Client("203.0.113.5:40003").Allocate();

        var small = new TurnWorld(TurnWorld.Settings(portMin: 50_001, portMax: 50_001));
        small.Client("203.0.113.5:40001").Allocate();
        Assert.Equal(508, small.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage()).Error);
        Assert.Equal(508, small.Client("203.0.113.5:40002").Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0)).Error);
        Assert.Equal(1, small.Server.Quotas.Total);
    }

    [Fact]
    public void Line_41_The_quota_counts_the_user_and_not_each_of_his_names()
    {
        var world = new TurnWorld(TurnWorld.Settings(TurnWorld.Credentials("secret"), maxPerUser: 1));
        RawClient Carol(int seconds, int port)
        {
            string name = $"{TurnWorld.StartUnixSeconds + seconds}:carol";
            return world.Client($"203.0.113.5:{port}", name, Convert.ToBase64String(System.Security.Cryptography.HMACSHA1.HashData("secret"u8, System.Text.Encoding.UTF8.GetBytes(name))));
        }

        Carol(1000, 40000).Allocate();
        Assert.Equal(486, Carol(1001, 40001).Request(RawClient.AllocateMessage()).Error);
        AllocationRecord record = Assert.Single(world.Server.Directory.Allocations);
        Assert.Equal(("carol", $"{TurnWorld.StartUnixSeconds + 1000}:carol"), (record.User, record.Username));
    }

    [Fact]
    public void Ports_that_something_else_has_are_skipped()
    {
        _world.Sockets[0].IsInUse = address => address.Port % 4 != 1;
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(1, _world.Client($"203.0.113.5:{40000 + i}").Allocate().Port % 4);
        }

        Assert.Equal(5, _world.Server.Ports.TakenCount);
        Assert.True(_world.Sockets[0].Refused > 0);
        _world.Sockets[0].IsInUse = _ => true;
        Assert.Equal(508, _world.Client("203.0.113.5:40005").Request(RawClient.AllocateMessage()).Error);
        Assert.Equal(508, _world.Client("203.0.113.5:40005").Request(RawClient.AllocateMessage().Add(Wire.EvenPort, 0x80)).Error);
        Assert.Equal(5, _world.Server.Ports.TakenCount);
        Assert.Equal(5, _world.Server.Quotas.Total);
    }

    [Fact]
    public void Line_42_A_draining_server_sends_new_clients_elsewhere_and_serves_the_others()
    {
        var world = new TurnWorld(TurnWorld.Settings(alternates: ["[2001:db8:3::1]:3478", "192.0.2.99:3478"]));
        RawClient present = world.Client();
        present.Allocate();
        world.Server.IsDraining = true;
        RawMessage answer = world.Client("203.0.113.5:40001").Request(RawClient.AllocateMessage());
        Assert.Equal(300, answer.Error);
        Assert.Equal("192.0.2.99:3478", answer.Address(Wire.AlternateServer));
        Assert.Equal("[2001:db8:3::1]:3478", world.Client("[2001:db8:2::5]:40001").Request(RawClient.AllocateMessage()).Address(Wire.AlternateServer));
        Assert.Equal(0, present.Refresh(600).Error);
        Assert.Equal(0, present.CreatePermission("192.0.2.10:7000").Error);

        _world.Server.IsDraining = true;
        Assert.Equal(508, _world.Client().Request(RawClient.AllocateMessage()).Error);
    }
}
