using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace V100.EndToEnd.Tests;

/// <summary>How allocations of the published binary come, move and go, as far as sockets and the ports of this machine have a part in it.</summary>
public sealed class TurnAllocationTests
{
    private const int Channel = 0x4001;

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(5);
    private static readonly StunAttribute _ipv4 = new(StunAttribute.RequestedAddressFamily, [1, 0, 0, 0]);
    private static readonly StunAttribute _ipv6 = new(StunAttribute.RequestedAddressFamily, [2, 0, 0, 0]);
    private static readonly StunAttribute _ipv6Too = new(StunAttribute.AdditionalAddressFamily, [2, 0, 0, 0]);

    [Fact]
    public async Task Line_09_What_stands_behind_the_integrity_is_ignored()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await KnownAsync(server);
        byte[] request = client.Signed(StunMessage.Allocate, StunAttribute.UdpTransport);
        StunMessage answer = await client.AskAsync(StunMessage.WithBehind(request, StunAttribute.UInt32(StunAttribute.Lifetime, 900)));
        Assert.Equal(StunMessage.Allocate | StunMessage.Success, answer.Type);
        Assert.Equal(StunAttribute.UInt32(StunAttribute.Lifetime, 600).Value, answer[StunAttribute.Lifetime]!);
    }

    [Fact]
    public async Task Line_10_A_retransmission_gets_the_identical_reply_and_has_one_effect()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await KnownAsync(server);
        byte[] request = client.Signed(StunMessage.Allocate, StunAttribute.UdpTransport);
        await client.SendAsync(request);
        await client.SendAsync(request);
        byte[] first = (await client.NextAsync())!;
        Assert.Equal(StunMessage.Allocate | StunMessage.Success, StunMessage.Read(first)!.Type);
        Assert.Equal(first, (await client.NextAsync())!);
        Assert.Equal(1, (await server.Api.GaugesAsync())["v100_turn_allocations"]);
        // RFC 8656, 7.2: a new transaction is no retransmission.
        Assert.Equal(437, (await client.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.2")]
    public async Task Line_21_A_nonce_is_good_for_one_address_and_port(string source)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient home = TurnClient.OverUdp(server.UdpPort);
        StunMessage challenge = await home.AskAsync(StunMessage.Allocate, StunAttribute.UdpTransport);
        await using TurnClient other = TurnClient.OverUdp(server.UdpPort, source: IPAddress.Parse(source));
        other.UseNonce(challenge);
        StunMessage stale = await other.AskAsync(other.Signed(StunMessage.Allocate, StunAttribute.UdpTransport));
        Assert.Equal(438, stale.Code);
        Assert.Equal("v100"u8.ToArray(), stale[StunAttribute.Realm]!);
        Assert.NotEqual(challenge[StunAttribute.Nonce]!, stale[StunAttribute.Nonce]!);
        other.UseNonce(stale);
        await other.AllocateAsync();
        home.UseNonce(challenge);
        await home.AllocateAsync();
    }

    [Fact]
    public async Task Line_34_An_even_port_leaves_its_sibling_free()
    {
        int first = FreePort.FindRelayPair();
        await using ServerProcess server = await StartAsync(first, first + 1);
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        StunMessage answer = await client.AllocateAsync(new StunAttribute(StunAttribute.EvenPort, [0]));
        Assert.Equal(first, client.Relayed.Port);
        Assert.Null(answer[StunAttribute.ReservationToken]);
        Assert.False(FreePort.IsFree(client.Relayed));
        // The one that is left is odd.
        await using TurnClient second = TurnClient.OverUdp(server.UdpPort);
        Assert.Equal(508, (await second.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport, new StunAttribute(StunAttribute.EvenPort, [0]))).Code);
        await second.AllocateAsync();
        Assert.Equal(first + 1, second.Relayed.Port);
    }

    [Fact]
    public async Task Line_35_A_reserved_port_is_for_the_bearer_of_its_token()
    {
        int first = FreePort.FindRelayPair();
        await using ServerProcess server = await StartAsync(first, first + 1);
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        byte[] token = (await client.AllocateAsync(new StunAttribute(StunAttribute.EvenPort, [0x80])))[StunAttribute.ReservationToken]!;
        Assert.Equal((first, 8), (client.Relayed.Port, token.Length));
        await using TurnClient second = TurnClient.OverUdp(server.UdpPort);
        Assert.Equal(508, (await second.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
        await second.AllocateAsync(new StunAttribute(StunAttribute.ReservationToken, token));
        Assert.Equal(first + 1, second.Relayed.Port);
        foreach (TurnClient relayed in (TurnClient[])[client, second])
        {
            await AssertRelaysAsync(relayed, relayed.Relayed);
        }
    }

    [Fact]
    public async Task Line_37_The_family_that_is_asked_for_or_440()
    {
        await using ServerProcess server = await StartDualAsync();
        await using TurnClient six = TurnClient.OverUdp(server.UdpPort);
        await six.AllocateAsync(_ipv6);
        Assert.Equal(IPAddress.IPv6Loopback, six.Relayed.Address);
        await AssertRelaysAsync(six, six.Relayed);
        foreach (StunAttribute[] asked in (StunAttribute[][])[[_ipv4], []])
        {
            await using TurnClient four = TurnClient.OverUdp(server.UdpPort);
            await four.AllocateAsync(asked);
            Assert.Equal(IPAddress.Loopback, four.Relayed.Address);
        }

        await using ServerProcess single = await ServerProcess.StartRelayAsync();
        await using TurnClient refused = TurnClient.OverUdp(single.UdpPort);
        Assert.Equal(440, (await refused.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport, _ipv6)).Code);
    }

    [Fact]
    public async Task Line_38_An_additional_family_gives_two_addresses_or_says_why_not()
    {
        await using ServerProcess server = await StartDualAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        StunMessage answer = await client.AllocateAsync(_ipv6Too);
        IPEndPoint[] relayed = answer.Addresses(StunAttribute.XorRelayedAddress);
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], relayed.Select(address => address.Address).OrderBy(address => address.AddressFamily));
        foreach (IPEndPoint address in relayed)
        {
            await AssertRelaysAsync(client, address);
        }

        await using ServerProcess single = await ServerProcess.StartRelayAsync();
        await using TurnClient half = TurnClient.OverUdp(single.UdpPort);
        answer = await half.AllocateAsync(_ipv6Too);
        Assert.Equal(IPAddress.Loopback, Assert.Single(answer.Addresses(StunAttribute.XorRelayedAddress)).Address);
        // RFC 8656, 18.12: the family, then class and number.
        Assert.Equal([2, 0, 4, 40], answer[StunAttribute.AddressErrorCode]![..4]);
    }

    [Fact]
    public async Task Line_41_Beyond_the_quota_it_is_486_and_without_a_port_508()
    {
        int first = FreePort.FindRelayPair();
        await using ServerProcess server = await StartAsync(first, first + 1, "--V100:Turn:MaxAllocationsPerUser=2");
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await using TurnClient second = TurnClient.OverUdp(server.UdpPort);
        await using TurnClient third = TurnClient.OverUdp(server.UdpPort);
        await using TurnClient other = TurnClient.OverUdp(server.UdpPort, user: "other");
        await client.AllocateAsync();
        await second.AllocateAsync();
        Assert.Equal(486, (await third.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
        StunMessage refused = await other.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport);
        Assert.Equal((508, true), (refused.Code, refused.IsSealedWith(other.Key)));

        // What one gives back another gets.
        Assert.Equal(0, (await client.RefreshAsync(0)).Code);
        await other.AllocateAsync();
        Assert.Equal(client.Relayed, other.Relayed);
        Assert.Equal(508, (await third.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
    }

    [Fact]
    public async Task Line_42_A_drain_sends_new_clients_to_the_alternate_server()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync("--V100:Turn:AlternateServers:0=192.0.2.7:3479");
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        server.Signal("TERM");
        await Poll.UntilAsync("the server drains", _limit, async () => await server.Api.MetricAsync("v100_draining") == 1, () => server.Log);
        await using TurnClient late = TurnClient.OverUdp(server.UdpPort);
        // RFC 8489, 10: signed, since the client was authenticated.
        StunMessage sentAway = await late.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport);
        Assert.Equal((300, true), (sentAway.Code, sentAway.IsSealedWith(late.Key)));
        Assert.Equal(new IPEndPoint(IPAddress.Parse("192.0.2.7"), 3479), sentAway.PlainAddress(StunAttribute.AlternateServer));
        Assert.Equal(0, (await client.RefreshAsync(600)).Code);
    }

    [Fact]
    public async Task Line_43_Lifetime_0_closes_the_port_and_again_it_is_437()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        Assert.False(FreePort.IsFree(client.Relayed));
        StunMessage answer = await client.RefreshAsync(0);
        Assert.Equal(StunMessage.Refresh | StunMessage.Success, answer.Type);
        Assert.Equal(new byte[4], answer[StunAttribute.Lifetime]!);
        await Poll.UntilAsync("the port is free", _limit, () => Task.FromResult(FreePort.IsFree(client.Relayed)), () => server.Log);
        Assert.Equal(437, (await client.RefreshAsync(0)).Code);
        Assert.Equal(437, (await client.RefreshAsync(600)).Code);
        Assert.Equal(0, (await server.Api.GaugesAsync())["v100_turn_allocations"]);
    }

    [Fact]
    public async Task Line_65_A_client_moves_to_another_port_by_its_ticket()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync($"--V100:Turn:Users:other={TurnClient.Password}");
        await using TurnClient home = TurnClient.OverUdp(server.UdpPort);
        byte[] ticket = (await home.AllocateAsync(new StunAttribute(StunAttribute.MobilityTicket, [])))[StunAttribute.MobilityTicket]!;
        using Socket peer = Peer(home.Relayed.Address);
        await home.BindAsync(Channel, (IPEndPoint)peer.LocalEndPoint!);

        // RFC 8016, 3.2: another user, an unknown ticket, and from another port and address the right one.
        await using TurnClient mallory = TurnClient.OverUdp(server.UdpPort, user: "other");
        Assert.Equal(441, (await MoveAsync(mallory, ticket)).Code);
        await using TurnClient away = TurnClient.OverUdp(server.UdpPort, source: IPAddress.Parse("127.0.0.2"));
        Assert.Equal(437, (await MoveAsync(away, [.. ticket[..^1], (byte)(ticket[^1] ^ 1)])).Code);
        StunMessage moved = await MoveAsync(away, ticket);
        Assert.Equal(StunMessage.Refresh | StunMessage.Success, moved.Type);
        Assert.NotEqual(ticket, moved[StunAttribute.MobilityTicket]!);

        await away.SendChannelAsync(Channel, "from afar"u8.ToArray());
        Assert.Equal("from afar"u8.ToArray(), await ReceiveAsync(peer, home.Relayed));
        await peer.SendToAsync("follow me"u8.ToArray(), home.Relayed);
        Assert.Equal(TurnClient.ChannelData(Channel, "follow me"u8), (await away.NextAsync())!);
        await home.SendChannelAsync(Channel, "nobody is here"u8.ToArray());
        await home.AssertSilenceAsync();
        Assert.Equal(437, (await home.RefreshAsync(600)).Code);
    }

    private static Task<ServerProcess> StartAsync(int firstPort, int lastPort, params string[] arguments) => ServerProcess.StartRelayAsync(
    [
        string.Create(CultureInfo.InvariantCulture, $"--V100:Turn:RelayPortMin={firstPort}"), string.Create(CultureInfo.InvariantCulture, $"--V100:Turn:RelayPortMax={lastPort}"),
        $"--V100:Turn:Users:other={TurnClient.Password}", .. arguments,
    ]);

    /// <summary>With relayed addresses of both families.</summary>
    private static Task<ServerProcess> StartDualAsync() =>
        ServerProcess.StartRelayAsync("--V100:PublicAddresses:1=::1", "--V100:Turn:AllowedPeers:1=::1/128");

    /// <summary>A client that has a nonce and no allocation.</summary>
    private static async Task<TurnClient> KnownAsync(ServerProcess server)
    {
        TurnClient client = TurnClient.OverUdp(server.UdpPort);
        Assert.Equal(437, (await client.RefreshAsync(600)).Code);
        return client;
    }

    private static Task<StunMessage> MoveAsync(TurnClient client, byte[] ticket) =>
        client.RequestAsync(StunMessage.Refresh, new StunAttribute(StunAttribute.MobilityTicket, ticket));

    /// <summary>To a peer of the family and back.</summary>
    private static async Task AssertRelaysAsync(TurnClient client, IPEndPoint relayed)
    {
        using Socket peer = Peer(relayed.Address);
        await client.PermitAsync((IPEndPoint)peer.LocalEndPoint!);
        await client.SendToPeerAsync((IPEndPoint)peer.LocalEndPoint!, "there"u8.ToArray());
        Assert.Equal("there"u8.ToArray(), await ReceiveAsync(peer, relayed));
        await peer.SendToAsync("and back"u8.ToArray(), relayed);
        StunMessage back = await client.NextMessageAsync();
        Assert.Equal(StunMessage.DataIndication, back.Type);
        Assert.Equal(peer.LocalEndPoint, back.Address(StunAttribute.XorPeerAddress));
        Assert.Equal("and back"u8.ToArray(), back[StunAttribute.Data]!);
    }

    private static Socket Peer(IPAddress address)
    {
        Socket socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, 0));
        return socket;
    }

    /// <summary>The next datagram, which must come from the relayed address.</summary>
    private static async Task<byte[]> ReceiveAsync(Socket peer, IPEndPoint relayed)
    {
        using CancellationTokenSource limit = new(_limit);
        byte[] buffer = new byte[2048];
        SocketReceiveFromResult received = await peer.ReceiveFromAsync(buffer, new IPEndPoint(relayed.Address, 0), limit.Token);
        Assert.Equal(relayed, received.RemoteEndPoint);
        return buffer[..received.ReceivedBytes];
    }
}
