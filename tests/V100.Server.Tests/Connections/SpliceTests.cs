using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using V100.Net;
using V100.Server.Connections;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>The data connections of RFC 6062: a client's stream and a peer's, joined.</summary>
public sealed class SpliceTests : IAsyncLifetime
{
    private const int ConnectionBind = 0x0B;
    private static readonly byte[] Success = Request(7);
    private static readonly TransportAddress Relay = TransportAddress.FromIPv4(0x7F000001, 0);

    private readonly InboxWorker _worker = new();
    private readonly ManualTime _time = new();
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync(_worker.Sink);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Bytes_go_both_ways_those_that_came_early_too()
    {
        using Joined joined = await JoinAsync(1, 2, 3);
        Assert.Equal([1, 2, 3], await joined.Client.ReceiveAsync(3));
        await joined.Client.SendAsync(4, 5);
        Assert.Equal([4, 5], await ReceiveAsync(joined.Peer, 2));
        await joined.Peer.SendAsync(new byte[] { 6 });
        Assert.Equal([6], await joined.Client.ReceiveAsync(1));
        await UntilAsync(() => joined.Splice is { BytesToPeer: 2, BytesToClient: 4 });

        // What would be garbage, or a message, is neither any more.
        await joined.Client.SendAsync([0xFF, .. Request(1)]);
        Assert.Equal([0xFF, .. Request(1)], await ReceiveAsync(joined.Peer, 21));
        Assert.False(_worker.Sink.Inbox(0).TryRead(out _));
        _server.Time.Advance(TimeSpan.FromDays(1));
        Assert.False(joined.Splice.Completion.IsCompleted);
    }

    [Fact]
    public async Task The_client_may_end_its_half_first()
    {
        using Joined joined = await JoinAsync();
        await joined.Client.SendAsync(1);
        joined.Client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal([1], await ReceiveToEndAsync(joined.Peer));
        await joined.Peer.SendAsync(new byte[] { 2, 3 });
        joined.Peer.Shutdown(SocketShutdown.Send);
        Assert.Equal([2, 3], await joined.Client.ReceiveToEndAsync());
        await AssertOverAsync(joined, ConnectionCloseReason.Ended);
    }

    [Fact]
    public async Task The_peer_may_end_its_half_first()
    {
        using Joined joined = await JoinAsync();
        await joined.Peer.SendAsync(new byte[] { 1 });
        joined.Peer.Shutdown(SocketShutdown.Send);
        Assert.Equal([1], await joined.Client.ReceiveToEndAsync());
        await joined.Client.SendAsync(2, 3);
        joined.Client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal([2, 3], await ReceiveToEndAsync(joined.Peer));
        await AssertOverAsync(joined, ConnectionCloseReason.Ended);
    }

    [Fact]
    public async Task Each_half_of_a_TLS_connection_ends_alone()
    {
        using TestCertificate certificate = new();
        await using RunningServer server = await RunningServer.StartAsync(_worker.Sink, certificate.Arguments);
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        await client.SecureAsync("stun.turn");
        using Joined joined = await JoinAsync(client);
        await joined.Peer.SendAsync(new byte[] { 1 });
        joined.Peer.Shutdown(SocketShutdown.Send);
        Assert.Equal([1], await client.ReceiveToEndAsync());
        await client.SendAsync(2, 3);
        await ((SslStream)client.Stream).ShutdownAsync();
        Assert.Equal([2, 3], await ReceiveToEndAsync(joined.Peer));
        await AssertOverAsync(joined, ConnectionCloseReason.Ended, server);
    }

    [Fact]
    public async Task On_the_HTTPS_port_the_end_of_the_peer_ends_both()
    {
        using TestCertificate certificate = new();
        await using RunningServer server = await RunningServer.StartAsync(_worker.Sink, [.. certificate.Arguments, "--V100:Http:Url=https://127.0.0.1:0"]);
        using StreamClient client = await ConnectAsync(new Uri(server.Host.Url).Port);
        await client.SecureAsync("stun.turn");
        using Joined joined = await JoinAsync(client);
        await client.SendAsync(1, 2);
        Assert.Equal([1, 2], await ReceiveAsync(joined.Peer, 2));
        await joined.Peer.SendAsync(new byte[100_000]);
        joined.Peer.Shutdown(SocketShutdown.Send);
        Task<byte[]> received = client.ReceiveToEndAsync();
        await AssertOverAsync(joined, ConnectionCloseReason.Ended, server);
        Assert.Equal(100_000, (await received).Length);
        Assert.Empty(await ReceiveToEndAsync(joined.Peer));
    }

    [Fact]
    public async Task A_break_on_either_side_ends_the_other()
    {
        using (Joined joined = await JoinAsync())
        {
            joined.Peer.Close(0);
            await joined.Client.AssertClosedAsync();
            await AssertOverAsync(joined, ConnectionCloseReason.Reset);
        }

        using (Joined joined = await JoinAsync())
        {
            joined.Client.Socket.Close(0);
            Assert.Empty(await ReceiveToEndAsync(joined.Peer));
            await AssertOverAsync(joined, ConnectionCloseReason.Reset);
        }
    }

    [Fact]
    public async Task Whoever_serves_it_ends_both()
    {
        using Joined joined = await JoinAsync();
        joined.Splice.Close();
        await joined.Client.AssertClosedAsync();
        Assert.Empty(await ReceiveToEndAsync(joined.Peer));
        await AssertOverAsync(joined, ConnectionCloseReason.Owner);
    }

    [Fact]
    public async Task Much_goes_through_both_ways_while_nobody_holds_more_than_a_buffer()
    {
        const int Length = 8 << 20;
        using Joined joined = await JoinAsync();
        byte[] bytes = new byte[Length];
        new Random(5).NextBytes(bytes);
        Task toPeer = joined.Client.SendAsync(bytes);
        Task toClient = SendAsync(joined.Peer, bytes);
        Task<byte[]> atPeer = ReceiveAsync(joined.Peer, Length);
        byte[] atClient = await joined.Client.ReceiveAsync(Length);
        Assert.True(atClient.AsSpan().SequenceEqual(bytes));
        Assert.True((await atPeer).AsSpan().SequenceEqual(bytes));
        await Task.WhenAll(toPeer, toClient);
        await UntilAsync(() => joined.Splice is { BytesToPeer: Length, BytesToClient: Length });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_rate_delays_what_comes_and_loses_nothing(bool toPeer)
    {
        const int Length = 200_000;
        const int BytesPerSecond = 20_000;
        ManualTime time = new();
        Instant began = TestPace.At(time);
        using Joined joined = await JoinAsync(await ConnectAsync(_server.Host.TcpPort), TestPace.Make(BytesPerSecond, time));
        byte[] bytes = new byte[Length];
        new Random(6).NextBytes(bytes);
        Task sending = toPeer ? joined.Client.SendAsync(bytes) : SendAsync(joined.Peer, bytes);
        Task<byte[]> receiving = toPeer ? ReceiveAsync(joined.Peer, Length) : joined.Client.ReceiveAsync(Length);
        long Passed() => toPeer ? joined.Splice.BytesToPeer : joined.Splice.BytesToClient;
        while (Passed() < Length)
        {
            await UntilAsync(() => time.Pending > 0 || Passed() == Length);

            // What has passed is within the rate and the second that a user may be ahead, but for the piece that used it up.
            TimeSpan elapsed = TestPace.At(time) - began;
            Assert.InRange(Passed(), 1, (long)((elapsed.TotalSeconds + 1) * BytesPerSecond) + Splice.BufferBytes);
            time.Advance(TimeSpan.FromSeconds(0.25));
        }

        Assert.InRange((TestPace.At(time) - began).TotalSeconds, (Length - BytesPerSecond - Splice.BufferBytes) / BytesPerSecond, Length / BytesPerSecond + 1);
        Assert.True((await receiving).AsSpan().SequenceEqual(bytes));
        await sending;
    }

    [Fact]
    public async Task A_splice_that_waits_for_its_rate_still_ends()
    {
        ManualTime time = new();
        using Joined joined = await JoinAsync(await ConnectAsync(_server.Host.TcpPort), TestPace.Make(bytesPerSecond: 1, time));
        await SendAsync(joined.Peer, new byte[1000]);
        await UntilAsync(() => time.Pending > 0);
        joined.Splice.Close();
        await UntilAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return joined.Splice.Completion.IsCompleted;
        });
        await AssertOverAsync(joined, ConnectionCloseReason.Owner);
    }

    [Fact]
    public async Task A_client_that_is_gone_is_not_taken_and_its_peer_is_closed()
    {
        StreamClient client = await ConnectAsync(_server.Host.TcpPort);
        ClientConnection connection = await BindAsync(client);
        client.Dispose();
        await UntilAsync(() => connection.CloseReason != ConnectionCloseReason.None);
        (PeerConnection peer, Socket far) = await ConnectPeerAsync();
        using (far)
        {
            Splice splice = Splice.Start(connection, Success, peer);
            await splice.Completion.WaitAsync(Patience);
            Assert.Empty(await ReceiveToEndAsync(far));
            Assert.True(peer.IsClosed);
        }
    }

    [Fact]
    public async Task A_peers_connection_waits_for_its_client_longer_than_the_relay_does()
    {
        (PeerConnection peer, Socket far) = await ConnectPeerAsync();
        using (far)
        {
            Assert.True(PeerConnection.WaitTimeout > PeerConnection.BindTimeout);
            _time.Advance(PeerConnection.WaitTimeout - TimeSpan.FromMilliseconds(1));
            Assert.False(peer.IsClosed);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.True(peer.IsClosed);
            Assert.False(peer.TryTake(out _));
            Assert.Empty(await ReceiveToEndAsync(far));
        }
    }

    [Fact]
    public async Task A_relay_listens_and_connects_from_one_port()
    {
        List<PeerConnection> accepted = [];
        using PeerListener relay = PeerListener.TryStart(Relay, connection =>
        {
            lock (accepted)
            {
                accepted.Add(connection);
            }
        }, _time)!;
        using Socket far = Listen();
        using PeerConnection? outward = await PeerConnection.ConnectAsync(relay.Relay, TransportAddress.From((IPEndPoint)far.LocalEndPoint!), _time).WaitAsync(Patience);
        using Socket outwardFar = await far.AcceptAsync().WaitAsync(Patience);
        Assert.Equal(relay.Relay, TransportAddress.From((IPEndPoint)outwardFar.RemoteEndPoint!));

        using Socket inward = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await inward.ConnectAsync(IPAddress.Loopback, relay.Relay.Port);
        await UntilAsync(() =>
        {
            lock (accepted)
            {
                return accepted.Count == 1;
            }
        });
        Assert.Equal(relay.Relay, accepted[0].Relay);
        Assert.Equal(TransportAddress.From((IPEndPoint)inward.LocalEndPoint!), accepted[0].Peer);

        relay.Dispose();
        using Socket late = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(IPAddress.Loopback, relay.Relay.Port));
        Assert.False(accepted[0].IsClosed);
        accepted[0].Dispose();
    }

    [Fact]
    public async Task Peers_that_may_connect_at_a_time_are_bounded()
    {
        int accepted = 0;
        PeerConnection? first = null;
        using PeerListener relay = PeerListener.TryStart(Relay, connection =>
        {
            first ??= connection;
            Interlocked.Increment(ref accepted);
        }, _time)!;
        List<Socket> peers = [];
        for (int count = 0; count <= PeerListener.MaxOpen; count++)
        {
            Socket peer = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            peers.Add(peer);
            await peer.ConnectAsync(IPAddress.Loopback, relay.Relay.Port);
        }

        await UntilAsync(() => Volatile.Read(ref accepted) == PeerListener.MaxOpen);
        first!.Dispose();
        await UntilAsync(() => Volatile.Read(ref accepted) == PeerListener.MaxOpen + 1);
        peers.ForEach(peer => peer.Dispose());
    }

    [Fact]
    public async Task A_peer_that_refuses_gives_no_connection()
    {
        TransportAddress nobody;
        using (Socket far = Listen())
        {
            nobody = TransportAddress.From((IPEndPoint)far.LocalEndPoint!);
        }

        Assert.Null(await PeerConnection.ConnectAsync(Relay, nobody, _time).WaitAsync(Patience));
        Assert.Null(await PeerConnection.ConnectAsync(TransportAddress.FromIPv4(0xC0000201, 0), nobody, _time).WaitAsync(Patience));
        Assert.Null(PeerListener.TryStart(TransportAddress.FromIPv4(0xC0000201, 0), _ => { }, _time));
    }

    private sealed record Joined(StreamClient Client, Socket Peer, Splice Splice, PeerConnection Connection) : IDisposable
    {
        public void Dispose()
        {
            Client.Dispose();
            Peer.Dispose();
        }
    }

    /// <summary>A client and a peer whose connections are spliced; the client has read its success.</summary>
    private async Task<Joined> JoinAsync(params byte[] early) => await JoinAsync(await ConnectAsync(_server.Host.TcpPort), null, early);

    private async Task<Joined> JoinAsync(StreamClient client, SplicePace? pace = null, params byte[] early)
    {
        ClientConnection connection = await BindAsync(client);
        (PeerConnection peer, Socket far) = await ConnectPeerAsync();
        await far.SendAsync(early);
        var splice = Splice.Start(connection, Success, peer, pace);
        Assert.Equal(Success, await client.ReceiveAsync(Success.Length));
        Assert.False(connection.TrySend(Request(8), isMedia: false), "messages would stand among the peer's bytes");
        return new Joined(client, far, splice, peer);
    }

    private async Task<ClientConnection> BindAsync(StreamClient client)
    {
        await client.SendAsync(Request(1, ConnectionBind));
        return (await _worker.ReadAsync()).Connection;
    }

    private async Task<(PeerConnection Connection, Socket Peer)> ConnectPeerAsync()
    {
        using Socket listener = Listen();
        PeerConnection? connection = await PeerConnection.ConnectAsync(Relay, TransportAddress.From((IPEndPoint)listener.LocalEndPoint!), _time).WaitAsync(Patience);
        Assert.NotNull(connection);
        return (connection, await listener.AcceptAsync().WaitAsync(Patience));
    }

    private async Task AssertOverAsync(Joined joined, ConnectionCloseReason reason, RunningServer? server = null)
    {
        await joined.Splice.Completion.WaitAsync(Patience);
        Assert.True(joined.Connection.IsClosed);
        (ClientConnection connection, ConnectionMessageKind kind, _) = await _worker.ReadAsync();
        Assert.Equal(ConnectionMessageKind.Closed, kind);
        Assert.False(_worker.Sink.Inbox(0).TryRead(out _));
        await UntilAsync(() => (server ?? _server).Host.Connections.Count == 0);
        Assert.Equal(reason, connection.CloseReason);
    }

    private static Socket Listen()
    {
        Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(16);
        return listener;
    }

    private static async Task SendAsync(Socket socket, byte[] bytes)
    {
        await using NetworkStream stream = new(socket, ownsSocket: false);
        await stream.WriteAsync(bytes);
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        using CancellationTokenSource patience = new(Patience);
        byte[] bytes = new byte[count];
        for (int received = 0; received < count;)
        {
            int more = await socket.ReceiveAsync(bytes.AsMemory(received), patience.Token);
            Assert.True(more > 0, "ended");
            received += more;
        }

        return bytes;
    }

    private static async Task<byte[]> ReceiveToEndAsync(Socket socket)
    {
        using CancellationTokenSource patience = new(Patience);
        List<byte> all = [];
        byte[] chunk = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(chunk.AsMemory(), patience.Token) is int count and > 0)
            {
                all.AddRange(chunk.AsSpan(0, count));
            }
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            // A reset is an end too.
        }

        return [.. all];
    }
}
