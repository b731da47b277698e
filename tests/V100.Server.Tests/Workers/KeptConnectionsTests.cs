using V100.Net;
using V100.Net.Sockets;
using V100.Server.Connections;
using V100.Server.Tests.Connections;
using V100.Server.Workers;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Workers;

public sealed class KeptConnectionsTests
{
    [Fact]
    public async Task A_connection_may_be_idle_as_long_as_it_carries_something_and_no_longer()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync(Request(1));
        ClientConnection connection = (await worker.ReadAsync()).Connection;
        bool serves = false;
        KeptConnections kept = new(_ => serves);
        Instant now = MonotonicClock.Now;
        kept.Look(connection, now);
        Assert.Equal((false, Instant.Never), (connection.IsKept, kept.NextDeadline));

        serves = true;
        kept.Look(connection, now);
        server.Time.Advance(TimeSpan.FromDays(1));
        now = kept.NextDeadline;
        kept.HandleDeadline(now);
        Assert.Equal((true, 1, now + KeptConnections.LookInterval), (connection.IsKept, kept.Count, kept.NextDeadline));

        serves = false;
        kept.HandleDeadline(kept.NextDeadline);
        Assert.Equal((false, 0, Instant.Never), (connection.IsKept, kept.Count, kept.NextDeadline));
        Assert.Equal(ConnectionCloseReason.None, connection.CloseReason);
        server.Time.Advance(server.Host.Connections.Limits.IdleTimeout);
        Assert.Equal(ConnectionCloseReason.IdleTimeout, connection.CloseReason);
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task What_is_over_is_not_held()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        using StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync(Request(1));
        ClientConnection connection = (await worker.ReadAsync()).Connection;
        KeptConnections kept = new(_ => true);
        kept.Look(connection, MonotonicClock.Now);
        Assert.Equal(1, kept.Count);
        kept.Remove(connection);
        kept.HandleDeadline(kept.NextDeadline);
        Assert.Equal((0, Instant.Never), (kept.Count, kept.NextDeadline));
    }
}
