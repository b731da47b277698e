using System.Net;
using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

public class PeerPolicyTests
{
    private static readonly PeerPolicy s_policy = new(TurnWorld.Rules());

    /// <summary>Every form in which other servers let an address pass, or deny what lies next to it.</summary>
    public static TheoryData<string> DeniedAddresses =>
    [
        "0.0.0.0", "0.0.0.1", "0.255.255.255",
        "10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255",
        "192.0.0.0", "192.0.0.255", "192.88.99.1", "198.18.0.0", "198.19.255.255",
        "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255",
        "::", "::1", "::2", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::169.254.169.254", "64:ff9b::0.0.0.0", "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::",
        "2002:7f00:1::", "2002:a00:1::", "2002:c0a8:101::5", "2002:a9fe:a9fe::", "2002:0:0::1",
        "2001:0:7f00:1::", "2001:0:808:808:0:0:80ff:fffe", "2001:0:808:808:0:0:f5ff:fffe",
        "2001:db8::5efe:127.0.0.1", "2001:db8::200:5efe:192.168.1.1", "fe80::5efe:8.8.8.8",
        "100::1", "fc00::", "fd00:ec2::254", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::", "fe80::1", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::1", "feff::1", "ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        TurnWorld.RelayAddress, TurnWorld.RelayAddress6, $"64:ff9b::{TurnWorld.RelayAddress}", $"::ffff:{TurnWorld.RelayAddress}",
    ];

    public static TheoryData<string> AllowedAddresses =>
    [
        "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.2.1", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "203.0.113.1", "223.255.255.255",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::", "2001:0:808:808:0:0:f7f7:f7f7", "2001:db8::1", "2001:db8::5efe:8.8.8.8",
        "2606:4700::1111", "2000::", "3fff:ffff::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::1", "1::",
    ];

    [Theory]
    [MemberData(nameof(DeniedAddresses))]
    public void Line_67_Denied_by_every_request(string text)
    {
        TransportAddress peer = TurnWorld.Address(text).WithPort(7000);
        Assert.True(s_policy.Check(peer).IsDenied(), s_policy.Check(peer).ToString());

        // An allocation of both families, so that none is refused for its family.
        var world = new TurnWorld();
        RawClient client = world.Client();
        Assert.Equal(0, client.Request(RawClient.AllocateMessage().Add(Wire.AdditionalAddressFamily, 2, 0, 0, 0)).Error);
        RawClient stream = world.StreamClient();
        Assert.Equal(0, stream.Request(RawClient.AllocateMessage(6).Add(Wire.AdditionalAddressFamily, 2, 0, 0, 0)).Error);
        string endPoint = text.Contains(':', StringComparison.Ordinal) ? $"[{text}]:7000" : $"{text}:7000";
        bool own = TurnWorld.RelayAddress == text || TurnWorld.RelayAddress6 == text || text == $"::ffff:{TurnWorld.RelayAddress}";
        // A permission has no port, and other ports of the relay's own address are peers.
        Assert.Equal(own ? 0 : 403, client.CreatePermission(endPoint).Error);
        Assert.Equal(403, client.ChannelBind(0x4000, endPoint).Error);
        Assert.Equal(403, stream.Request(new RawMessage(Wire.ConnectRequest).AddXorAddress(Wire.XorPeerAddress, endPoint)).Error);
        Assert.Equal(TurnRouteKind.Nothing, client.Send(endPoint, 1).Route.Kind);
        Assert.Equal(3, world.Shard.Denials.Read().Count);
        Assert.All(world.Shard.Denials.Read(), denial => Assert.Equal(peer, denial.Peer));
    }

    [Theory]
    [MemberData(nameof(AllowedAddresses))]
    public void The_neighbours_of_denied_ranges_are_allowed(string text)
    {
        TransportAddress peer = TurnWorld.Address(text).WithPort(7000);
        Assert.Equal((PeerVerdict.Allowed, PeerVerdict.Allowed), (s_policy.Check(peer), s_policy.CheckAddress(peer)));
    }

    [Theory]
    [InlineData("0.0.0.1", PeerVerdict.DeniedUnspecified)]
    [InlineData("10.0.0.1", PeerVerdict.DeniedPrivate)]
    [InlineData("100.64.0.1", PeerVerdict.DeniedSharedAddressSpace)]
    [InlineData("64:ff9b::127.0.0.1", PeerVerdict.DeniedLoopback)]
    [InlineData("::", PeerVerdict.DeniedUnspecified)]
    [InlineData("::1", PeerVerdict.DeniedLoopback)]
    [InlineData("169.254.169.254", PeerVerdict.DeniedLinkLocal)]
    [InlineData("fd00::1", PeerVerdict.DeniedUniqueLocal)]
    [InlineData("ff02::1", PeerVerdict.DeniedMulticast)]
    [InlineData("255.255.255.255", PeerVerdict.DeniedReserved)]
    [InlineData(TurnWorld.RelayAddress, PeerVerdict.DeniedOwnAddress)]
    [InlineData("2002:c633:6401::1", PeerVerdict.DeniedOwnAddress)]
    public void The_verdict_says_why(string text, PeerVerdict verdict) => Assert.Equal(verdict, s_policy.Check(TurnWorld.Address(text).WithPort(5432)));

    [Fact]
    public void Relayed_addresses_are_peers_even_where_their_network_is_private()
    {
        var policy = new PeerPolicy(new PeerRules
        {
            OwnAddresses = [TurnWorld.Address("10.0.0.5"), TurnWorld.Address("127.0.0.1")],
            RelayAddresses = [TurnWorld.Address("10.0.0.5")],
            MediaAddresses = [TurnWorld.Parse("127.0.0.1:3478")],
            RelayPortMin = 50_000,
            RelayPortMax = 50_099,
        });
        Assert.Equal(PeerVerdict.AllowedByPort, policy.CheckAddress(TurnWorld.Address("10.0.0.5")));
        Assert.Equal(PeerVerdict.Allowed, policy.Check(TurnWorld.Parse("10.0.0.5:50000")));
        Assert.Equal(PeerVerdict.Allowed, policy.Check(TurnWorld.Parse("10.0.0.5:50099")));
        Assert.Equal(PeerVerdict.DeniedOwnAddress, policy.Check(TurnWorld.Parse("10.0.0.5:50100")));
        Assert.Equal(PeerVerdict.DeniedOwnAddress, policy.Check(TurnWorld.Parse("10.0.0.5:49999")));
        Assert.Equal(PeerVerdict.DeniedPrivate, policy.Check(TurnWorld.Parse("10.0.0.6:50000")));
        Assert.Equal(PeerVerdict.AllowedByPort, policy.CheckAddress(TurnWorld.Address("127.0.0.1")));
        Assert.Equal(PeerVerdict.OwnMedia, policy.Check(TurnWorld.Parse("127.0.0.1:3478")));
        Assert.Equal(PeerVerdict.OwnMedia, policy.Check(TurnWorld.Parse("[::ffff:127.0.0.1]:3478")));
        Assert.Equal(PeerVerdict.DeniedOwnAddress, policy.Check(TurnWorld.Parse("127.0.0.1:8080")));
    }

    [Fact]
    public void The_operators_lists_win_and_his_exceptions_over_his_denials()
    {
        var policy = new PeerPolicy(TurnWorld.Rules() with
        {
            Allowed = [IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("192.0.2.7/32"), IPNetwork.Parse($"{TurnWorld.RelayAddress}/32"), IPNetwork.Parse("::/0")],
            Denied = [IPNetwork.Parse("192.0.2.0/24"), IPNetwork.Parse("2001:db8::/32")],
            MediaAddresses = [TurnWorld.Parse($"{TurnWorld.RelayAddress}:3478"), TurnWorld.Parse("192.0.2.1:3478")],
        });
        Assert.Equal(PeerVerdict.Allowed, policy.Check(TurnWorld.Parse("10.1.2.3:1")));
        Assert.Equal(PeerVerdict.Allowed, policy.CheckAddress(TurnWorld.Parse("[64:ff9b::10.1.2.3]:1")));
        Assert.Equal(PeerVerdict.DeniedByRule, policy.Check(TurnWorld.Parse("192.0.2.6:1")));
        Assert.Equal(PeerVerdict.Allowed, policy.Check(TurnWorld.Parse("192.0.2.7:1")));
        // ::/0 is IPv6 and no IPv4.
        Assert.Equal(PeerVerdict.DeniedPrivate, policy.Check(TurnWorld.Parse("10.2.0.1:1")));
        Assert.Equal(PeerVerdict.Allowed, policy.Check(TurnWorld.Parse("[fd00::1]:1")));
        Assert.Equal(PeerVerdict.Allowed, policy.Check(TurnWorld.Parse($"{TurnWorld.RelayAddress}:5432")));
        Assert.Equal(PeerVerdict.OwnMedia, policy.Check(TurnWorld.Parse($"{TurnWorld.RelayAddress}:3478")));
        Assert.Equal(PeerVerdict.DeniedByRule, policy.Check(TurnWorld.Parse("192.0.2.1:3478")));
        Assert.Equal(PeerVerdict.DeniedByRule, policy.CheckAddress(TurnWorld.Parse("192.0.2.1:3478")));
    }

    [Fact]
    public void Any_address_gets_the_verdict_of_the_last_network_that_holds_it()
    {
        var random = new Random(7);
        (IPNetwork Network, bool Allowed)[] rules = [.. Enumerable.Range(0, 60).Select(_ =>
        {
            int prefix = random.Next(1, 33);
            uint host = (uint)random.NextInt64(uint.MaxValue) & (uint)(ulong.MaxValue << (32 - prefix));
            return (new IPNetwork(TransportAddress.FromIPv4(host, 0).ToIPAddress(), prefix), random.Next(2) == 0);
        })];
        var policy = new PeerPolicy(new PeerRules
        {
            Denied = [.. rules.Where(rule => !rule.Allowed).Select(rule => rule.Network)],
            Allowed = [.. rules.Where(rule => rule.Allowed).Select(rule => rule.Network)],
        });
        for (int i = 0; i < 20_000; i++)
        {
            // Half of them at the border of a rule.
            IPNetwork near = rules[random.Next(rules.Length)].Network;
            TransportAddress peer = i % 2 == 0
                ? TransportAddress.FromIPv4((uint)random.NextInt64(uint.MaxValue), 1)
                : TransportAddress.FromIPv4(TransportAddress.From(near.BaseAddress, 0).IPv4 - (uint)random.Next(2), 1);
            IPAddress address = peer.ToIPAddress();
            bool allowed = rules.Any(rule => rule.Allowed && rule.Network.Contains(address));
            bool denied = rules.Any(rule => !rule.Allowed && rule.Network.Contains(address));
            PeerVerdict verdict = policy.Check(peer);
            Assert.True(allowed ? verdict == PeerVerdict.Allowed : !denied || verdict == PeerVerdict.DeniedByRule, $"{address}: {verdict}");
        }
    }
}
