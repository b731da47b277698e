using System.Net;
using System.Text;
using V100.Server.Connections;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>PROXY headers on real connections: who must send one, and who is believed.</summary>
public sealed class ProxyConnectionTests
{
    private static readonly IPEndPoint Client = new(IPAddress.Parse("192.0.2.7"), 40_000);
    private static readonly byte[] Line = Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.7 198.51.100.1 40000 3478\r\n");
    private static readonly byte[] Binary = Convert.FromHexString("0D0A0D0A000D0A515549540A" + "2111000C" + "C0000207C6336401" + "9C400D96");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_trusted_proxy_names_its_client(int version)
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Tcp:TrustedProxies=127.0.0.0/8");
        byte[] header = version == 1 ? Line : Binary;
        using StreamClient whole = await ConnectAsync(server.Host.TcpPort);
        await whole.SendAsync([.. header, .. Request(1)]);
        await whole.AssertAnswerAsync(1, Client);

        using StreamClient bytes = await ConnectAsync(server.Host.TcpPort);
        foreach (byte value in (byte[])[.. header, .. Request(2)])
        {
            await bytes.SendAsync(value);
        }

        await bytes.AssertAnswerAsync(2, Client);
    }

    [Fact]
    public async Task A_trusted_proxy_must_send_a_header_and_in_time()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Tcp:TrustedProxies=::1/128,127.0.0.1/32");
        using StreamClient without = await ConnectAsync(server.Host.TcpPort);
        await without.SendAsync(Request(1));
        await without.AssertClosedAsync();
        await UntilAsync(() => Closed(server, ConnectionCloseReason.ProxyHeader) == 1);

        using StreamClient half = await ConnectAsync(server.Host.TcpPort);
        await half.SendAsync(Line[..20]);
        await UntilAsync(() => server.Host.Connections.Count == 1);
        server.Time.Advance(server.Host.Connections.Limits.HandshakeTimeout);
        await half.AssertClosedAsync();
        await UntilAsync(() => Closed(server, ConnectionCloseReason.ProxyTimeout) == 1);
    }

    [Fact]
    public async Task Nobody_else_is_believed()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Tcp:TrustedProxies=192.0.2.0/24");
        foreach (byte[] header in (byte[][])[Line, Binary])
        {
            using StreamClient client = await ConnectAsync(server.Host.TcpPort);
            await client.SendAsync([.. header, .. Request(1)]);
            await client.AssertClosedAsync();
        }

        await UntilAsync(() => Closed(server, ConnectionCloseReason.Garbage) == 2);
    }

    [Fact]
    public async Task The_limit_of_a_source_counts_clients_behind_a_proxy()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Tcp:TrustedProxies=127.0.0.1/32", "--V100:Tcp:MaxConnectionsPerAddress=2");
        using StreamClient first = await ConnectAsync(server.Host.TcpPort);
        await first.SendAsync([.. Line, .. Request(1)]);
        await first.AssertAnswerAsync(1, Client);
        using StreamClient second = await ConnectAsync(server.Host.TcpPort);
        await second.SendAsync([.. Binary, .. Request(2)]);
        await second.AssertAnswerAsync(2, Client);
        using StreamClient third = await ConnectAsync(server.Host.TcpPort);
        await third.SendAsync([.. Line, .. Request(3)]);
        await third.AssertClosedAsync();
        await UntilAsync(() => Closed(server, ConnectionCloseReason.AddressLimit) == 1);

        using StreamClient another = await ConnectAsync(server.Host.TcpPort);
        await another.SendAsync([.. Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.8 198.51.100.1 40000 3478\r\n"), .. Request(4)]);
        await another.AssertAnswerAsync(4, new IPEndPoint(IPAddress.Parse("192.0.2.8"), 40_000));
    }

    private static long Closed(RunningServer server, ConnectionCloseReason reason) => server.Host.Connections.Counters.ReadClosed(reason);
}
