using System.Net;
using System.Net.Sockets;
using V100.Net;
using V100.Server.Connections;
using Xunit.Abstractions;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>How many connections there may be, and what they cost.</summary>
[Collection(GarbageCollections.Alone)]
public sealed class ConnectionBoundsTests(ITestOutputHelper output)
{
    [Fact]
    public async Task One_too_many_is_refused_and_counted_and_a_place_that_is_left_is_given_again()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Tcp:MaxConnections=3");
        List<StreamClient> clients = [];
        for (byte count = 0; count < 3; count++)
        {
            clients.Add(await ServedAsync(server, count));
        }

        await AssertRefusedAsync(server.Host.TcpPort);
        await UntilAsync(() => Closed(server, ConnectionCloseReason.Limit) == 1);
        clients[1].Dispose();
        await UntilAsync(() => server.Host.Connections.Count == 2);
        using StreamClient again = await ServedAsync(server, 9);
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task One_source_has_its_own_limit()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Tcp:MaxConnectionsPerAddress=2");
        using StreamClient first = await ServedAsync(server, 1);
        using StreamClient second = await ServedAsync(server, 2);
        await AssertRefusedAsync(server.Host.TcpPort);
        await UntilAsync(() => Closed(server, ConnectionCloseReason.AddressLimit) == 1);

        using Socket elsewhere = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        elsewhere.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        await elsewhere.ConnectAsync(IPAddress.Loopback, server.Host.TcpPort);
        await elsewhere.SendAsync(Request(3));
        Assert.Equal(32, await elsewhere.ReceiveAsync(new byte[64]).WaitAsync(Patience));
        second.Dispose();
        await UntilAsync(() => server.Host.Connections.Count == 2);
        using StreamClient again = await ServedAsync(server, 4);
    }

    [Fact]
    public void A_source_is_an_IPv4_address_or_an_IPv6_subnet()
    {
        using ConnectionTable table = new(new ConnectionLimits { MaxConnectionsPerAddress = 1 }, 1, TimeProvider.System);
        Assert.True(table.TryClaim(Address("192.0.2.1:1")));
        Assert.False(table.TryClaim(Address("192.0.2.1:2")));
        Assert.True(table.TryClaim(Address("192.0.2.2:1")));
        Assert.True(table.TryClaim(Address("[2001:db8::1]:1")));
        Assert.False(table.TryClaim(Address("[2001:db8::ffff:2]:1")));
        Assert.True(table.TryClaim(Address("[2001:db8:0:1::1]:1")));
    }

    [Fact]
    public async Task A_number_that_was_given_back_finds_nobody_and_never_repeats_soon()
    {
        InboxWorker worker = new();
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink, "--V100:Tcp:MaxConnections=2");
        HashSet<uint> numbers = [];
        for (int round = 0; round < 50; round++)
        {
            using StreamClient client = await ConnectAsync(server.Host.TcpPort);
            await client.SendAsync(Request(1));
            ClientConnection connection = (await worker.ReadAsync()).Connection;
            Assert.NotEqual(0u, connection.Number);
            Assert.True(numbers.Add(connection.Number));
            Assert.True(server.Host.Connections.TryGet(connection.Number, out ClientConnection? found));
            Assert.Same(connection, found);
            connection.Close();
            await UntilAsync(() => !worker.Sink.Inbox(0).TryRead(out _) && server.Host.Connections.Count == 0);
            Assert.All(numbers, number => Assert.False(server.Host.Connections.TryGet(number, out _)));
        }

        Assert.False(server.Host.Connections.TryGet(0, out _));
        Assert.False(server.Host.Connections.TryGet(uint.MaxValue, out _));
    }

    [Fact]
    public async Task Thousands_of_idle_connections_cost_little_and_end()
    {
        const int Connections = 2000;
        await using RunningServer server = await RunningServer.StartAsync();
        using (StreamClient warm = await ServedAsync(server, 0))
        {
        }

        await UntilAsync(() => server.Host.Connections.Count == 0);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        List<Socket> clients = [];
        for (int count = 0; count < Connections; count++)
        {
            Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(IPAddress.Loopback, server.Host.TcpPort);
            clients.Add(client);
            if ((count & 1) == 0)
            {
                client.Send(Request(1));
                Assert.Equal(32, client.Receive(new byte[64]));
            }
        }

        await UntilAsync(() => server.Host.Connections.Count == Connections);
        long each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Connections;
        output.WriteLine($"figure: managed memory of an idle TCP connection, both ends: {each} B");
        Assert.InRange(each, 1, 16 * 1024);

        using (StreamClient another = await ServedAsync(server, 1))
        {
        }

        await UntilAsync(() => server.Host.Connections.Count == Connections);
        server.Time.Advance(server.Host.Connections.Limits.IdleTimeout);
        await UntilAsync(() => server.Host.Connections.Count == 0);
        Assert.Equal(Connections / 2, Closed(server, ConnectionCloseReason.FirstMessageTimeout));
        Assert.Equal(Connections / 2, Closed(server, ConnectionCloseReason.IdleTimeout));
        clients.ForEach(client => client.Dispose());
    }

    private static async Task<StreamClient> ServedAsync(RunningServer server, byte id)
    {
        StreamClient client = await ConnectAsync(server.Host.TcpPort);
        await client.SendAsync(Request(id));
        await client.AssertAnswerAsync(id);
        return client;
    }

    private static long Closed(RunningServer server, ConnectionCloseReason reason) => server.Host.Connections.Counters.ReadClosed(reason);

    private static TransportAddress Address(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));
        return address;
    }
}
