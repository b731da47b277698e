using V100.Server.Connections;
using V100.Stun;
using Xunit.Abstractions;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>Clients that do not read as fast as packets come, or not at all.</summary>
public sealed class SlowClientTests(ITestOutputHelper output)
{
    private const int MediaLength = 1204;

    [Fact]
    public async Task Media_is_dropped_first_and_what_must_not_be_lost_ends_the_connection()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort, receiveBufferBytes: 4096);
        ClientConnection connection = await OpenAsync(worker, client);
        (int sent, bool dropped) = await FillAsync(server, connection);
        Assert.True(dropped);
        Assert.Equal(ConnectionCloseReason.None, connection.CloseReason);
        output.WriteLine($"figure: media before the first drop to a client that does not read: {sent * MediaLength / 1024} KiB");

        int control = 0;
        while (connection.TrySend(Request((byte)control), isMedia: false))
        {
            control++;
        }

        Assert.True(control > 0, "an answer has room where media has none");
        Assert.Equal(ConnectionCloseReason.Overflow, connection.CloseReason);
        Assert.Equal(ConnectionMessageKind.Closed, (await worker.ReadAsync()).Kind);
        Assert.False(worker.Sink.Inbox(0).TryRead(out _));
        await UntilAsync(() => server.Host.Connections.Count == 0);
        Assert.Equal(1, server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.Overflow));
        Assert.Equal(0, server.Host.Connections.Outbound.InUse);
    }

    [Fact]
    public async Task A_write_that_stalls_ends_the_connection_at_its_deadline()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort, receiveBufferBytes: 4096);
        ClientConnection connection = await OpenAsync(worker, client);
        connection.KeepOpen();
        await FillAsync(server, connection);
        await UntilAsync(() =>
        {
            connection.TrySend(Media(0), isMedia: true);
            server.Time.Advance(TimeSpan.FromSeconds(1));
            return connection.CloseReason != ConnectionCloseReason.None;
        });
        Assert.Equal(ConnectionCloseReason.StalledWrite, connection.CloseReason);
        await UntilAsync(() => !worker.Sink.Inbox(0).TryRead(out _) && server.Host.Connections.Count == 0);
        Assert.Equal(0, server.Host.Connections.Outbound.InUse);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_not_dropped_arrives_whole_and_in_order(bool prefixed)
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort, receiveBufferBytes: 4096);
        ClientConnection connection = await OpenAsync(worker, client, prefixed);
        (int sent, _) = await FillAsync(server, connection);
        Assert.True(connection.TrySend(Request(7), isMedia: false));
        for (int number = 0; number < sent; number++)
        {
            byte[] packet = await ReceiveAsync(client, MediaLength, prefixed);
            Assert.Equal(number, BitConverter.ToInt32(packet, 4));
        }

        Assert.Equal(Request(7), await ReceiveAsync(client, 20, prefixed));
        Assert.Equal(prefixed ? StreamFraming.LengthPrefixed : StreamFraming.Stun, connection.Framing);
        await UntilAsync(() => server.Host.Connections.Outbound.InUse == 0);
        Assert.True(connection.TrySend(Media(0), isMedia: true), "there is room again");
    }

    [Fact]
    public async Task A_client_that_ends_its_half_and_never_reads_is_bounded_too()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort, receiveBufferBytes: 4096);
        ClientConnection connection = await OpenAsync(worker, client);
        await FillAsync(server, connection);
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.Equal(ConnectionMessageKind.Closed, (await worker.ReadAsync()).Kind);
        Assert.False(worker.Sink.Inbox(0).TryRead(out _));
        await UntilAsync(() =>
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            return server.Host.Connections.Count == 0;
        });
        Assert.Equal(ConnectionCloseReason.StalledWrite, connection.CloseReason);
    }

    [Fact]
    public async Task Sending_allocates_nothing()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        ClientConnection connection = await OpenAsync(worker, client);
        Task<byte[]> reading = client.ReceiveToEndAsync();
        byte[] packet = Media(1);
        long least = long.MaxValue;
        int sent = 0;

        // The pool's queue of work may grow while other tests fill it, so the best of some rounds counts.
        for (int round = 0; round < 20 && least > 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int count = 0; count < 500; count++)
            {
                sent += connection.TrySend(packet, isMedia: true) ? 1 : 0;
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            await UntilAsync(() => server.Host.Connections.Outbound.InUse == 0);
        }

        Assert.Equal(0, least);
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await UntilAsync(() => worker.Sink.Inbox(0).TryRead(out ConnectionMessage message) && message.Kind == ConnectionMessageKind.Closed);
        worker.Sink.Inbox(0).TryRead(out _);
        Assert.Equal(sent * packet.Length, (await reading).Length);
        Assert.True(sent > 0);
    }

    private static async Task<ClientConnection> OpenAsync(InboxWorker worker, StreamClient client, bool prefixed = false)
    {
        await client.SendAsync(prefixed ? Prefixed(Request(1)) : Request(1));
        return (await worker.ReadAsync()).Connection;
    }

    /// <summary>Sends numbered media until some is dropped while the writer waits for the client. How many were queued.</summary>
    private static async Task<(int Sent, bool Dropped)> FillAsync(RunningServer server, ClientConnection connection)
    {
        int sent = 0;
        long written = -1;
        while (true)
        {
            while (connection.TrySend(Media(sent), isMedia: true))
            {
                sent++;
            }

            // Full, and nothing moves between two looks that each gave the writer its turn: the kernel takes no more.
            long now = server.Host.Connections.Outbound.InUse;
            if (now == written)
            {
                return (sent, server.Host.Connections.Counters.ReadDroppedMedia() > 0);
            }

            written = now;
            await Task.Yield();
        }
    }

    private static byte[] Media(int number)
    {
        byte[] packet = new byte[MediaLength];
        (packet[0], packet[2], packet[3]) = (0x40, (MediaLength - 4) >> 8, (MediaLength - 4) & 255);
        BitConverter.TryWriteBytes(packet.AsSpan(4), number);
        return packet;
    }

    private static async Task<byte[]> ReceiveAsync(StreamClient client, int length, bool prefixed)
    {
        if (prefixed)
        {
            Assert.Equal([(byte)(length >> 8), (byte)length], await client.ReceiveAsync(2));
        }

        return await client.ReceiveAsync(length);
    }
}
