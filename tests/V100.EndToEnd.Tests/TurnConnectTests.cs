using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace V100.EndToEnd.Tests;

/// <summary>Relays over TCP (RFC 6062) of the published binary, byte by byte: control connections, data connections and peers are sockets of this process.</summary>
public sealed class TurnConnectTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);

    // RFC 6062, 5.2 and 5.4: how long a Connect and an unbound connection may wait; and what a loaded machine may take longer.
    private static readonly TimeSpan _wait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _early = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _late = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Line_61_A_relay_over_TCP_is_for_clients_over_streams()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient datagrams = TurnClient.OverUdp(server.UdpPort);
        // RFC 6062, 5.1: signed, or the client drops it.
        StunMessage refused = await datagrams.RequestAsync(StunMessage.Allocate, StunAttribute.TcpTransport);
        Assert.Equal((400, true), (refused.Code, refused.IsSealedWith(datagrams.Key)));
        Assert.Equal(0, (await server.Api.GaugesAsync())["v100_turn_allocations"]);

        await using TurnClient stream = await TurnClient.OverTcpAsync(server.TcpPort);
        StunAttribute[] unsuitable = [new(StunAttribute.EvenPort, [0]), new(StunAttribute.DontFragment, []), new(StunAttribute.ReservationToken, new byte[8])];
        foreach (StunAttribute attribute in unsuitable)
        {
            Assert.Equal(400, (await stream.RequestAsync(StunMessage.Allocate, StunAttribute.TcpTransport, attribute)).Code);
        }

        StunMessage answer = await stream.AllocateTcpAsync();
        Assert.Equal(stream.Local, answer.Address(StunAttribute.XorMappedAddress));
        // Whoever connects there is taken, and closed without a permission; over UDP nobody has the port.
        using Socket stranger = await ConnectAsync(stream.Relayed);
        await AssertEndsAsync(stranger, _limit);
        Assert.True(FreePort.IsFree(stream.Relayed));
        await stream.AssertSilenceAsync();
    }

    [Fact]
    public async Task Line_62_Connect_is_answered_when_the_peer_is_connected_and_a_second_one_is_446()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        await client.AllocateTcpAsync();
        using Socket peer = Listen();
        StunMessage answer = await ConnectAsync(client, At(peer));
        Assert.Equal(StunMessage.Connect | StunMessage.Success, answer.Type);
        Assert.True(answer.IsSealedWith(client.Key));
        Assert.Equal(4, answer[StunAttribute.ConnectionId]!.Length);
        using Socket accepted = await AcceptAsync(peer);
        Assert.Equal(client.Relayed, accepted.RemoteEndPoint);
        Assert.Equal(446, (await ConnectAsync(client, At(peer))).Code);

        using Socket other = Listen();
        Assert.NotEqual(answer[StunAttribute.ConnectionId]!, (await ConnectAsync(client, At(other)))[StunAttribute.ConnectionId]!);
    }

    [Fact]
    public async Task Line_62_A_peer_that_refuses_is_447_at_once()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        await client.AllocateTcpAsync();
        IPEndPoint gone;
        using (Socket peer = Listen())
        {
            gone = At(peer);
        }

        StunMessage refused = await ConnectAsync(client, gone);
        Assert.Equal((447, true), (refused.Code, refused.IsSealedWith(client.Key)));
        // It is over: the same peer may be asked for again.
        Assert.Equal(447, (await ConnectAsync(client, gone)).Code);
    }

    [Fact]
    public async Task Line_62_A_peer_that_is_silent_for_30_seconds_is_447()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        await client.AllocateTcpAsync();
        // Its queue has room for one that nobody takes: whoever comes behind gets no answer.
        using Socket peer = Listen(backlog: 0);
        using Socket first = await ConnectAsync(At(peer));
        Assert.Equal(437, (await client.RequestAsync(StunMessage.Allocate, StunAttribute.TcpTransport)).Code);
        long began = Stopwatch.GetTimestamp();
        byte[] request = client.Signed(StunMessage.Connect, StunAttribute.Peer(At(peer)));
        await client.SendAsync(request);
        await client.AssertSilenceAsync();
        Assert.Equal(446, (await ConnectAsync(client, At(peer))).Code);
        StunMessage refused = await client.NextMessageAsync(_wait + _late);
        Assert.Equal((447, true), (refused.Code, refused.IsSealedWith(client.Key)));
        Assert.Equal(request[8..20], refused.TransactionId);
        Assert.InRange(Stopwatch.GetElapsedTime(began), _wait - _early, _wait + _late);
        Assert.Equal(0, (await server.Api.GaugesAsync())["v100_turn_peer_connections"]);
    }

    [Fact]
    public async Task Line_63_What_names_no_waiting_connection_is_400()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        await client.AllocateTcpAsync();
        using Socket peer = Listen();
        byte[] id = (await ConnectAsync(client, At(peer)))[StunAttribute.ConnectionId]!;
        using Socket accepted = await AcceptAsync(peer);

        await using TurnClient data = await TurnClient.OverTcpAsync(server.TcpPort);
        StunMessage unknown = await BindAsync(data, [id[0], id[1], id[2], (byte)(id[3] ^ 1)]);
        Assert.Equal((400, true), (unknown.Code, unknown.IsSealedWith(data.Key)));
        Assert.Equal(400, (await data.RequestAsync(StunMessage.ConnectionBind)).Code);
        // RFC 6062, 5.4: a stream of its own, over TCP.
        Assert.Equal(400, (await BindAsync(client, id)).Code);
        await using TurnClient datagrams = TurnClient.OverUdp(server.UdpPort);
        Assert.Equal(400, (await BindAsync(datagrams, id)).Code);

        // None of them has done it any harm; bound, it waits no more.
        Assert.Equal(0, (await BindAsync(data, id)).Code);
        await using TurnClient second = await TurnClient.OverTcpAsync(server.TcpPort);
        Assert.Equal(400, (await BindAsync(second, id)).Code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Line_63_A_bound_connection_is_one_stream_with_the_peers(bool byClient)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        await client.AllocateTcpAsync();
        using Socket peer = Listen();
        byte[] id = (await ConnectAsync(client, At(peer)))[StunAttribute.ConnectionId]!;
        using Socket accepted = await AcceptAsync(peer);
        // RFC 6062, 5.4: what comes before the bind is kept for it.
        byte[] early = "what the peer says first"u8.ToArray();
        await accepted.SendAsync(early);

        await using TurnClient data = await TurnClient.OverTcpAsync(server.TcpPort);
        StunMessage bound = await BindAsync(data, id);
        Assert.Equal(StunMessage.ConnectionBind | StunMessage.Success, bound.Type);
        Assert.True(bound.IsSealedWith(data.Key));
        Assert.Equal(early, await data.ReadRawAsync(early.Length));
        // Whatever the bytes look like: a Binding request is none of the server's business any more.
        byte[] request = StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []);
        await data.SendAsync(request);
        Assert.Equal(request, await ReceiveAsync(accepted, request.Length));
        byte[] flood = new byte[200_000];
        Random.Shared.NextBytes(flood);
        Task sending = accepted.SendAsync(flood);
        for (int at = 0; at < flood.Length; at += 50_000)
        {
            Assert.Equal(flood[at..(at + 50_000)], await data.ReadRawAsync(50_000));
        }

        await sending;
        // RFC 6062, 5.4: the end of one side is the end of the other, and of nothing else.
        if (byClient)
        {
            data.Socket.Shutdown(SocketShutdown.Both);
            data.Socket.Close();
            await AssertEndsAsync(accepted, _limit);
        }
        else
        {
            accepted.Close();
            Assert.True(await data.EndsAsync());
        }

        Assert.Equal(0, (await client.RefreshAsync(0)).Code);
        await data.DisposeAsync();
        await client.DisposeAsync();
        string difference = "";
        await Poll.UntilAsync(
            "every gauge is back where it began", _limit,
            async () => (difference = (await server.Api.GaugesAsync()).Difference(start)).Length == 0, () => $"{difference}\n{server.Log}");
    }

    [Fact]
    public async Task Line_63_What_is_not_bound_for_30_seconds_is_closed()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        await client.AllocateTcpAsync();
        using Socket peer = Listen();
        long began = Stopwatch.GetTimestamp();
        byte[] id = (await ConnectAsync(client, At(peer)))[StunAttribute.ConnectionId]!;
        using Socket accepted = await AcceptAsync(peer);
        await AssertEndsAsync(accepted, _wait + _late);
        Assert.InRange(Stopwatch.GetElapsedTime(began), _wait - _early, _wait + _late);
        await using TurnClient data = await TurnClient.OverTcpAsync(server.TcpPort);
        Assert.Equal(400, (await BindAsync(data, id)).Code);
        // The allocation goes on. To the same peer there may be none from the same port as long as the system remembers the first.
        Assert.Equal(0, (await client.RefreshAsync(600)).Code);
        using Socket other = Listen();
        Assert.Equal(0, (await ConnectAsync(client, At(other))).Code);
    }

    [Fact]
    public async Task A_permitted_peer_that_connects_is_announced_and_bound()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        await client.AllocateTcpAsync();
        await client.PermitAsync(new IPEndPoint(IPAddress.Loopback, 1));
        using Socket peer = await ConnectAsync(client.Relayed);
        // RFC 6062, 5.3.
        StunMessage attempt = await client.NextMessageAsync();
        Assert.Equal(StunMessage.ConnectionAttemptIndication, attempt.Type);
        Assert.Equal(peer.LocalEndPoint, attempt.Address(StunAttribute.XorPeerAddress));
        await using TurnClient data = await TurnClient.OverTcpAsync(server.TcpPort);
        Assert.Equal(0, (await BindAsync(data, attempt[StunAttribute.ConnectionId]!)).Code);
        await data.SendAsync("welcome"u8.ToArray());
        Assert.Equal("welcome"u8.ToArray(), await ReceiveAsync(peer, 7));
        await peer.SendAsync("thanks"u8.ToArray());
        Assert.Equal("thanks"u8.ToArray(), await data.ReadRawAsync(6));
    }

    private static Task<StunMessage> ConnectAsync(TurnClient client, IPEndPoint peer) => client.RequestAsync(StunMessage.Connect, StunAttribute.Peer(peer));

    private static Task<StunMessage> BindAsync(TurnClient data, byte[] id) => data.RequestAsync(StunMessage.ConnectionBind, new StunAttribute(StunAttribute.ConnectionId, id));

    private static Socket Listen(int backlog = 8)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen(backlog);
        return socket;
    }

    private static IPEndPoint At(Socket socket) => (IPEndPoint)socket.LocalEndPoint!;

    private static async Task<Socket> ConnectAsync(IPEndPoint to)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using CancellationTokenSource limit = new(_limit);
        await socket.ConnectAsync(to, limit.Token);
        return socket;
    }

    private static async Task<Socket> AcceptAsync(Socket listener)
    {
        using CancellationTokenSource limit = new(_limit);
        return await listener.AcceptAsync(limit.Token);
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        using CancellationTokenSource limit = new(_limit);
        byte[] bytes = new byte[count];
        for (int received = 0; received < count;)
        {
            int read = await socket.ReceiveAsync(bytes.AsMemory(received), limit.Token);
            Assert.True(read > 0, $"the stream ended after {received} of {count} bytes");
            received += read;
        }

        return bytes;
    }

    /// <summary>The other side ends the stream, and has said nothing before.</summary>
    private static async Task AssertEndsAsync(Socket socket, TimeSpan patience)
    {
        using CancellationTokenSource limit = new(patience);
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[16], limit.Token));
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
        }
    }
}
