using V100.Net;
using V100.Server.Connections;
using V100.Stun;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>What a worker gets of its connections.</summary>
public sealed class MailboxSinkTests
{
    [Fact]
    public async Task A_worker_gets_each_packet_and_the_end()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync([.. Request(1), 0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, .. Request(2)]);
        (ClientConnection connection, ConnectionMessageKind kind, byte[] bytes) = await worker.ReadAsync();
        Assert.Equal((ConnectionMessageKind.Message, StreamFraming.Stun), (kind, connection.Framing));
        Assert.Equal(Request(1), bytes);
        Assert.Equal([0x40, 0, 0, 5, 1, 2, 3, 4, 5], (await worker.ReadAsync()).Bytes);
        Assert.Equal(Request(2), (await worker.ReadAsync()).Bytes);
        Assert.True(worker.Wakes >= 3);

        Assert.Equal(TransportAddress.From((System.Net.IPEndPoint)client.Socket.LocalEndPoint!).Over(TransportProtocol.Tcp, connection.Number), connection.Remote);
        Assert.Equal(TransportAddress.From((System.Net.IPEndPoint)client.Socket.RemoteEndPoint!).Over(TransportProtocol.Tcp, connection.Number), connection.Local);
        Assert.True(server.Host.Connections.TrySend(connection.Remote, Request(9), isMedia: false));
        Assert.Equal(Request(9), await client.ReceiveAsync(20));

        client.Dispose();
        Assert.Equal(ConnectionMessageKind.Closed, (await worker.ReadAsync()).Kind);
        Assert.True(server.Host.Connections.TryGet(connection.Number, out _), "its number is its own until the worker goes on");
        Assert.False(worker.Sink.Inbox(0).TryRead(out _));
        await UntilAsync(() => server.Host.Connections.Count == 0);
        Assert.False(server.Host.Connections.TrySend(connection.Remote, Request(9), isMedia: false));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_full_mailbox_stops_the_reading_and_loses_nothing(bool prefixed)
    {
        const int Messages = 20_000;
        InboxWorker worker = new(capacity: 8);
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        Task sending = Task.Run(async () =>
        {
            for (int number = 0; number < Messages; number++)
            {
                byte[] request = Request((byte)number);
                await client.SendAsync(prefixed ? Prefixed(request) : request);
            }

            client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        });
        await UntilAsync(() => server.Host.Connections.Counters.ReadPauses() > 0);
        Assert.Equal(8, server.Host.Connections.Counters.ReadMessages());
        for (int number = 0; number < Messages; number++)
        {
            Assert.Equal(Request((byte)number), (await worker.ReadAsync()).Bytes);
        }

        Assert.Equal(ConnectionMessageKind.Closed, (await worker.ReadAsync()).Kind);
        await sending;
    }

    [Fact]
    public async Task The_end_of_a_connection_is_told_through_a_full_mailbox()
    {
        InboxWorker worker = new(capacity: 2);
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        StreamClient[] clients = [await ConnectAsync(server.Host.TcpPort), await ConnectAsync(server.Host.TcpPort), await ConnectAsync(server.Host.TcpPort)];
        foreach (StreamClient client in clients)
        {
            await client.SendAsync(Request(1));
            client.Dispose();
        }

        await UntilAsync(() => server.Host.Connections.Counters.ReadPauses() > 0);
        List<uint> closed = [];
        while (closed.Count < clients.Length)
        {
            (ClientConnection connection, ConnectionMessageKind kind, _) = await worker.ReadAsync();
            closed.AddRange(kind == ConnectionMessageKind.Closed ? [connection.Number] : []);
        }

        Assert.Equal(clients.Length, closed.Distinct().Count());
    }

    [Fact]
    public async Task A_known_client_may_send_the_longest_packet_and_another_may_not()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        byte[] longest = new byte[ClientConnection.MaxMessageLength - 3];
        new Random(1).NextBytes(longest);
        (longest[0], longest[1], longest[2], longest[3]) = (0x40, 0, (byte)((longest.Length - 4) >> 8), (byte)(longest.Length - 4));
        using StreamClient known = await ConnectAsync(server.Host.TcpPort);
        await known.SendAsync(Request(1));
        ClientConnection connection = (await worker.ReadAsync()).Connection;
        connection.KeepOpen();
        await known.SendAsync([.. longest, .. longest, .. Request(2)]);
        Assert.Equal(longest, (await worker.ReadAsync()).Bytes);
        Assert.Equal(longest, (await worker.ReadAsync()).Bytes);
        Assert.Equal(Request(2), (await worker.ReadAsync()).Bytes);
        Assert.True(connection.TrySend(longest, isMedia: true));
        Assert.Equal(longest, await known.ReceiveAsync(longest.Length));

        using StreamClient unknown = await ConnectAsync(server.Host.TcpPort);
        await unknown.SendAsync([.. Request(1), .. longest]);
        await unknown.AssertClosedAsync();
    }

    [Fact]
    public async Task What_is_kept_open_may_be_idle_until_that_is_taken_back()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync(Request(1));
        ClientConnection connection = (await worker.ReadAsync()).Connection;
        connection.KeepOpen();
        server.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(ConnectionCloseReason.None, connection.CloseReason);
        connection.LetExpire();
        server.Time.Advance(server.Host.Connections.Limits.IdleTimeout - TimeSpan.FromSeconds(1));
        Assert.Equal(ConnectionCloseReason.None, connection.CloseReason);
        server.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(ConnectionCloseReason.IdleTimeout, connection.CloseReason);
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task A_worker_that_closes_a_connection_is_told_of_its_end()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync(Request(1));
        ClientConnection connection = (await worker.ReadAsync()).Connection;
        connection.Close();
        connection.Close(ConnectionCloseReason.Garbage);
        await client.AssertClosedAsync();
        Assert.Equal(ConnectionMessageKind.Closed, (await worker.ReadAsync()).Kind);
        Assert.Equal(ConnectionCloseReason.Owner, connection.CloseReason);
        Assert.False(connection.TrySend(Request(1), isMedia: false));
    }

    [Fact]
    public async Task A_server_that_stops_does_not_wait_for_workers_that_have()
    {
        InboxWorker worker = new(capacity: 2);
        RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync([.. Request(1), .. Request(2), .. Request(3)]);
        await UntilAsync(() => server.Host.Connections.Counters.ReadPauses() > 0);
        worker.Sink.Close();
        await server.DisposeAsync();
        await client.AssertClosedAsync();
        await UntilAsync(() => server.Host.Connections.Count == 0);
    }

    [Fact]
    public async Task A_server_that_stops_does_not_wait_for_an_end_that_no_worker_has_read()
    {
        InboxWorker worker = new();
        RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync(Request(1));
        await worker.ReadAsync();
        int wakes = worker.Wakes;
        client.Dispose();
        await UntilAsync(() => worker.Wakes > wakes);
        worker.Sink.Close();
        await UntilAsync(() => server.Host.Connections.Count == 0);
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Workers_share_connections_evenly_also_after_some_have_gone()
    {
        InboxWorker worker = new();
        MailboxSink sink = new([worker, worker, worker]);
        await using RunningServer server = await RunningServer.StartAsync(sink);
        List<StreamClient> clients = [];
        for (int count = 0; count < 9; count++)
        {
            clients.Add(await ConnectAsync(server.Host.TcpPort));
            await UntilAsync(() => server.Host.Connections.Count == clients.Count);
        }

        // The first worker loses all of its connections, and gets the next ones.
        foreach (int gone in (int[])[6, 3, 0])
        {
            clients[gone].Dispose();
            clients.RemoveAt(gone);
        }

        await UntilAsync(() => server.Host.Connections.Count == clients.Count);
        for (int count = 0; count < 3; count++)
        {
            StreamClient client = await ConnectAsync(server.Host.TcpPort);
            clients.Add(client);
            await client.SendAsync(Request((byte)count));
            ConnectionMessage message = default;
            await UntilAsync(() => sink.Inbox(0).TryRead(out message));
            Assert.Equal(0, message.Connection.Worker);
        }

        clients.ForEach(client => client.Dispose());
    }
}
