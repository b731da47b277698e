using System.Net;
using System.Net.Sockets;
using System.Text;

namespace V100.EndToEnd.Tests;

/// <summary>What the published binary relays between real sockets, and what it does not.</summary>
public sealed class TurnDataTests
{
    private const int Channel = 0x4001;
    private const int SmallMtu = 1280;

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Line_48_A_permission_is_of_one_address_and_of_all_its_ports()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        using Socket neighbour = Peer("127.0.0.1");
        using Socket stranger = Peer("127.0.0.2");
        // RFC 8656, 9.
        await client.PermitAsync(At(peer));
        await client.SendToPeerAsync(At(stranger), "forbidden"u8.ToArray());
        await stranger.SendToAsync("forbidden"u8.ToArray(), client.Relayed);
        await neighbour.SendToAsync("from another port"u8.ToArray(), client.Relayed);
        AssertData(await client.NextMessageAsync(), At(neighbour), "from another port");
        await client.SendToPeerAsync(At(neighbour), "to another port"u8.ToArray());
        Assert.Equal("to another port", await ReceiveAsync(neighbour, client.Relayed));
        await client.PermitAsync(At(stranger));
        await client.SendToPeerAsync(At(stranger), "now allowed"u8.ToArray());
        Assert.Equal("now allowed", await ReceiveAsync(stranger, client.Relayed));
        await client.AssertSilenceAsync();
        Assert.Equal(2, await DroppedAsync(server));
    }

    [Fact]
    public async Task Line_50_Data_of_no_length_is_relayed()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        await client.PermitAsync(At(peer));
        // RFC 8656, 11.2.
        await client.SendToPeerAsync(At(peer), []);
        Assert.Equal("", await ReceiveAsync(peer, client.Relayed));
        await peer.SendToAsync(Array.Empty<byte>(), client.Relayed);
        AssertData(await client.NextMessageAsync(), At(peer), "");
    }

    [Fact]
    public async Task Line_51_Send_without_a_permission_is_dropped_in_silence()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        // RFC 8656, 11.2.
        await client.SendToPeerAsync(At(peer), "too early"u8.ToArray());
        await client.AssertSilenceAsync();
        Assert.Equal(1, await DroppedAsync(server));
        await client.PermitAsync(At(peer));
        await client.SendToPeerAsync(At(peer), "allowed"u8.ToArray());
        Assert.Equal("allowed", await ReceiveAsync(peer, client.Relayed));
    }

    [Fact]
    public async Task Line_52_What_a_permitted_peer_sends_comes_as_Data_and_all_else_is_dropped()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        // RFC 8656, 11.3.
        await peer.SendToAsync("too early"u8.ToArray(), client.Relayed);
        await Poll.UntilAsync("it is dropped", _limit, async () => await DroppedAsync(server) == 1, () => server.Log);
        await client.AssertSilenceAsync();
        await client.PermitAsync(At(peer));
        await peer.SendToAsync("allowed"u8.ToArray(), client.Relayed);
        AssertData(await client.NextMessageAsync(), At(peer), "allowed");
    }

    [Fact]
    public async Task Line_56_ChannelBind_installs_a_permission_too()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        using Socket neighbour = Peer("127.0.0.1");
        // RFC 8656, 12.2: from a port that has no channel it comes as Data.
        await client.BindAsync(Channel, At(peer));
        await neighbour.SendToAsync("from another port"u8.ToArray(), client.Relayed);
        AssertData(await client.NextMessageAsync(), At(neighbour), "from another port");
        await client.SendToPeerAsync(At(neighbour), "back"u8.ToArray());
        Assert.Equal("back", await ReceiveAsync(neighbour, client.Relayed));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Line_57_Channel_data_is_padded_over_streams_alone(bool overTcp)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = overTcp ? await TurnClient.OverTcpAsync(server.TcpPort) : TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        await client.BindAsync(Channel, At(peer));
        // RFC 8656, 12.5: of every length, two behind each other, so that a stream cut in the wrong place is seen.
        for (int length = 0; length < 9; length++)
        {
            byte[] payload = Encoding.ASCII.GetBytes("123456789"[..length]);
            byte[] expected = TurnClient.ChannelData(Channel, payload, overTcp ? -length & 3 : 0);
            await client.SendChannelAsync(Channel, payload);
            await client.SendChannelAsync(Channel, payload);
            await peer.SendToAsync(payload, client.Relayed);
            await peer.SendToAsync(payload, client.Relayed);
            for (int copy = 0; copy < 2; copy++)
            {
                Assert.Equal("123456789"[..length], await ReceiveAsync(peer, client.Relayed));
                Assert.Equal(expected, (await client.NextAsync())!);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Line_59_A_channel_takes_the_place_of_indications(bool overTcp)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = overTcp ? await TurnClient.OverTcpAsync(server.TcpPort) : TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        await client.PermitAsync(At(peer));
        await peer.SendToAsync("by indication"u8.ToArray(), client.Relayed);
        AssertData(await client.NextMessageAsync(), At(peer), "by indication");

        // RFC 8656, 12.7.
        await client.BindAsync(Channel, At(peer));
        foreach (string text in (string[])["four", "more"])
        {
            await peer.SendToAsync(Encoding.ASCII.GetBytes(text), client.Relayed);
            Assert.Equal(TurnClient.ChannelData(Channel, Encoding.ASCII.GetBytes(text)), (await client.NextAsync())!);
        }

        // An indication is still good for the way there.
        await client.SendToPeerAsync(At(peer), "by indication"u8.ToArray());
        Assert.Equal("by indication", await ReceiveAsync(peer, client.Relayed));
    }

    [Fact]
    public async Task Line_58_Channel_data_of_a_false_length_or_an_unbound_number_is_dropped()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        using Socket peer = Peer("127.0.0.1");
        await client.BindAsync(Channel, At(peer));

        // RFC 8656, 12.6.
        await client.SendAsync(TurnClient.ChannelData(Channel, "too short"u8)[..^1]);
        await client.SendAsync(TurnClient.ChannelHeader(Channel, ushort.MaxValue));
        await client.SendAsync(TurnClient.ChannelData(Channel, [])[..3]);
        await client.SendChannelAsync(Channel + 1, "unbound"u8.ToArray());
        // Padding may stand behind it, over UDP too.
        await client.SendAsync(TurnClient.ChannelData(Channel, "whole"u8, padding: 3));
        Assert.Equal("whole", await ReceiveAsync(peer, client.Relayed));
        await client.AssertSilenceAsync();
        Assert.Equal(1, await server.Api.MetricAsync("v100_turn_total{kind=\"dropped_no_channel\"}"));
    }

    [Fact]
    public async Task Line_53_An_unreachable_peer_is_told_by_an_ICMP_attribute()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        IPEndPoint gone;
        using (Socket peer = Peer("127.0.0.1"))
        {
            gone = At(peer);
        }

        await client.PermitAsync(gone);
        await client.SendToPeerAsync(gone, "is anybody there?"u8.ToArray());
        // RFC 8656, 11.5 and 18.13: destination unreachable (3), port unreachable (3), no error data.
        StunMessage indication = await client.NextMessageAsync();
        Assert.Equal(StunMessage.DataIndication, indication.Type);
        Assert.Equal(gone, indication.Address(StunAttribute.XorPeerAddress));
        Assert.Equal([0, 0, 3 << 1, 3, 0, 0, 0, 0], indication[StunAttribute.Icmp]!);
        Assert.Null(indication[StunAttribute.Data]);
    }

    [Fact]
    public async Task Line_40_DONT_FRAGMENT_keeps_the_system_from_cutting_a_datagram()
    {
        // A datagram does not fit the way from the relay to this process. To the server it goes over TCP, which cuts it.
        using NetworkNamespaces network = new();
        string subnet = string.Join('.', network.ControlAddress.ToString().Split('.')[..3]);
        Privilege.Run("ip", "-n", network.Server, "link", "set", "control0", "mtu", $"{SmallMtu}");
        await using ServerProcess server = await ServerProcess.StartAsync(
            network, $"--V100:Turn:Users:{TurnClient.User}={TurnClient.Password}", $"--V100:Turn:RelayAddresses:0={network.ControlAddress}",
            $"--V100:Turn:AllowedPeers:0={subnet}.1/32");
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort, network.ControlAddress);
        // RFC 8656, 7.2: no 420.
        await client.AllocateAsync(new StunAttribute(StunAttribute.DontFragment, []));
        using Socket peer = Peer($"{subnet}.1");
        await client.PermitAsync(At(peer));
        StunAttribute dontFragment = new(StunAttribute.DontFragment, []);

        await client.SendToPeerAsync(At(peer), "small"u8.ToArray(), dontFragment);
        Assert.Equal("small", await ReceiveAsync(peer, client.Relayed));
        await client.SendToPeerAsync(At(peer), Encoding.ASCII.GetBytes(new string('d', SmallMtu)), dontFragment);
        // The one behind it may be cut, and arrives first: the other never does.
        string cut = new('f', SmallMtu);
        await client.SendToPeerAsync(At(peer), Encoding.ASCII.GetBytes(cut));
        Assert.Equal(cut, await ReceiveAsync(peer, client.Relayed));
        await client.SendToPeerAsync(At(peer), "last"u8.ToArray());
        Assert.Equal("last", await ReceiveAsync(peer, client.Relayed));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Line_60_DSCP_and_ECN_stay_and_a_hop_is_taken_off_both_ways(string address)
    {
        // RFC 3246: expedited forwarding, RFC 2597: AF41; RFC 3168: ECT(0), congestion experienced.
        const byte FromClient = 46 << 2 | 2;
        const byte FromPeer = 34 << 2 | 3;
        IPAddress host = IPAddress.Parse(address);
        await using ServerProcess server = await ServerProcess.StartRelayAsync("--V100:PublicAddresses:1=::1", "--V100:Turn:AllowedPeers:1=::1/128");
        await using IpFieldsTap clientTap = await IpFieldsTap.StartAsync(new IPEndPoint(host, server.UdpPort), FromClient, hopLimit: 40);
        await using TurnClient client = TurnClient.OverUdp(clientTap.Near.Port, host);
        await client.AllocateAsync(new StunAttribute(StunAttribute.RequestedAddressFamily, [(byte)(host.GetAddressBytes().Length == 4 ? 1 : 2), 0, 0, 0]));
        await using IpFieldsTap peerTap = await IpFieldsTap.StartAsync(client.Relayed, FromPeer, hopLimit: 200);
        await using IpFieldsTap lastHop = await IpFieldsTap.StartAsync(client.Relayed, FromPeer, hopLimit: 1);
        using Socket peer = Peer(address);
        await client.PermitAsync(peerTap.Far);

        // By indications first, then by a channel; each payload has its own length.
        foreach (int length in (int[])[101, 202])
        {
            await peer.SendToAsync(new byte[length], lastHop.Near);
            await peer.SendToAsync(new byte[length], peerTap.Near);
            byte[] message = (await client.NextAsync())!;
            Assert.Equal((FromPeer, 199), await clientTap.NextOfLengthAsync(message.Length));
            if (length == 101)
            {
                await client.SendToPeerAsync(peerTap.Far, new byte[length]);
            }
            else
            {
                await client.SendChannelAsync(Channel, new byte[length]);
            }

            Assert.Equal((FromClient, 39), await peerTap.NextOfLengthAsync(length));
            await client.BindAsync(Channel, peerTap.Far);
        }

        // What had no hop left is nobody's.
        Assert.Equal(2, await server.Api.MetricAsync("v100_turn_total{kind=\"dropped_hop_limit\"}"));
        await client.AssertSilenceAsync();
    }

    [Fact]
    public async Task Line_35_A_reserved_port_is_nobody_elses_and_serves_whichever_worker_redeems_it()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        using Socket peer = Peer("127.0.0.1");
        // The workers of a pair's clients are a matter of chance: among so many pairs there are those of one and of two.
        for (int pair = 0; pair < 8; pair++)
        {
            await using TurnClient rtp = TurnClient.OverUdp(server.UdpPort);
            await using TurnClient rtcp = TurnClient.OverUdp(server.UdpPort);
            StunMessage first = await rtp.AllocateAsync(new StunAttribute(StunAttribute.EvenPort, [0x80]));
            IPEndPoint upper = new(rtp.Relayed.Address, rtp.Relayed.Port + 1);
            using Socket other = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => other.Bind(upper)).SocketErrorCode);

            await rtcp.AllocateAsync(new StunAttribute(StunAttribute.ReservationToken, first[StunAttribute.ReservationToken]!));
            Assert.Equal(upper, rtcp.Relayed);
            await rtcp.PermitAsync(At(peer));
            await rtcp.SendToPeerAsync(At(peer), "there"u8.ToArray());
            Assert.Equal("there", await ReceiveAsync(peer, upper));
            await peer.SendToAsync("back"u8.ToArray(), upper);
            AssertData(await rtcp.NextMessageAsync(), At(peer), "back");
        }
    }

    private static Task<double> DroppedAsync(ServerProcess server) => server.Api.MetricAsync("v100_turn_total{kind=\"dropped_no_permission\"}");

    private static Socket Peer(string address)
    {
        IPAddress host = IPAddress.Parse(address);
        Socket socket = new(host.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(host, 0));
        return socket;
    }

    private static IPEndPoint At(Socket socket) => (IPEndPoint)socket.LocalEndPoint!;

    /// <summary>The next datagram, which must come from the relayed address.</summary>
    private static async Task<string> ReceiveAsync(Socket peer, IPEndPoint relayed)
    {
        using CancellationTokenSource limit = new(_limit);
        byte[] buffer = new byte[2048];
        SocketReceiveFromResult received = await peer.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), limit.Token);
        Assert.Equal(relayed, received.RemoteEndPoint);
        return Encoding.ASCII.GetString(buffer, 0, received.ReceivedBytes);
    }

    private static void AssertData(StunMessage message, IPEndPoint peer, string payload)
    {
        Assert.Equal(StunMessage.DataIndication, message.Type);
        Assert.Equal(peer, message.Address(StunAttribute.XorPeerAddress));
        Assert.Equal(payload, Encoding.ASCII.GetString(message[StunAttribute.Data]!));
    }
}
