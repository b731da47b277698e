using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using V100.Server.Connections;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>STUN over TLS: on its own port, by first byte on the plain port, and on the HTTPS port (RFC 7443).</summary>
public sealed class TlsConnectionTests : IDisposable
{
    private readonly TestCertificate _files = new();

    private string[] Certificate => _files.Arguments;

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("stun.turn")]
    [InlineData("stun.nat-discovery")]
    [InlineData("")]
    public async Task The_TLS_port_answers_with_each_ALPN_and_without(string protocol)
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        Assert.Equal(protocol, await client.SecureAsync(protocol.Length == 0 ? [] : [protocol]));
        await AssertServedAsync(client);
        Assert.Contains("v100_tcp_tls_connections 1\n", server.Host.Metrics.Write());
        Assert.Contains("v100_tcp_tls_handshakes_total 1\n", server.Host.Metrics.Write());
    }

    [Fact]
    public async Task The_plain_port_tells_TLS_by_its_first_byte()
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        using StreamClient secured = await ConnectAsync(server.Host.TcpPort);
        Assert.Equal("stun.turn", await secured.SecureAsync("stun.turn"));
        await AssertServedAsync(secured);
        using StreamClient plain = await ConnectAsync(server.Host.TcpPort);
        await AssertServedAsync(plain);
    }

    [Fact]
    public async Task A_proxy_header_stands_before_TLS()
    {
        await using RunningServer server = await RunningServer.StartAsync([.. Certificate, "--V100:Tcp:TrustedProxies=127.0.0.1/32"]);
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        await client.SendAsync("PROXY TCP4 192.0.2.7 198.51.100.1 40000 5349\r\n"u8.ToArray());
        await client.SecureAsync("stun.turn");
        await client.SendAsync(Request(1));
        await client.AssertAnswerAsync(1, new IPEndPoint(IPAddress.Parse("192.0.2.7"), 40_000));
    }

    [Fact]
    public async Task A_half_open_handshake_ends_at_its_deadline()
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        using StreamClient silent = await ConnectAsync(server.Host.TlsPort!.Value);
        using StreamClient begun = await ConnectAsync(server.Host.TlsPort!.Value);
        await begun.SendAsync(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC);
        await UntilAsync(() => server.Host.Connections.Count == 2);
        server.Time.Advance(server.Host.Connections.Limits.HandshakeTimeout - TimeSpan.FromSeconds(1));
        Assert.Equal(2, server.Host.Connections.Count);
        server.Time.Advance(TimeSpan.FromSeconds(1));
        await silent.AssertClosedAsync();
        await begun.AssertClosedAsync();
        await UntilAsync(() => server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.TlsTimeout) == 2);
    }

    [Theory]
    [InlineData("160301000401000000")]
    [InlineData("0001000021 12A442")]
    [InlineData("474554202F20485454502F312E310D0A0D0A")]
    public async Task What_is_no_handshake_is_closed_and_counted(string hex)
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        await client.SendAsync(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await client.ReceiveToEndAsync();
        await UntilAsync(() => server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.Tls) == 1);
    }

    [Fact]
    public async Task A_client_that_knows_none_of_the_protocols_is_refused()
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        await Assert.ThrowsAnyAsync<Exception>(() => client.SecureAsync("h2"));
        await UntilAsync(() => server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.Tls) == 1);
    }

    [Fact]
    public async Task Broken_handshakes_end_and_the_next_client_is_served()
    {
        const int Handshakes = 200;
        const int Seed = 4;
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        byte[] hello = await ClientHelloAsync();
        Random random = new(Seed);
        for (int number = 0; number < Handshakes; number++)
        {
            using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
            try
            {
                await client.SendAsync(Break(hello, random));
                client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
                await client.ReceiveToEndAsync();
            }
            catch (Exception gone) when (gone is IOException or System.Net.Sockets.SocketException)
            {
                // The server was quicker.
            }
        }

        await UntilAsync(() => server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.Tls) == Handshakes);
        using StreamClient next = await ConnectAsync(server.Host.TlsPort!.Value);
        await next.SecureAsync("stun.turn");
        await AssertServedAsync(next);
        Assert.Equal(1, server.Host.Connections.Count);
    }

    [Fact]
    public async Task Each_end_of_a_TLS_stream_is_told()
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        await client.SecureAsync();
        await client.SendAsync(Request(1));
        await ((SslStream)client.Stream).ShutdownAsync();
        await client.AssertAnswerAsync(1);
        await client.AssertClosedAsync();
        await UntilAsync(() => server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.Ended) == 1);
    }

    [Theory]
    [InlineData("stun.turn")]
    [InlineData("stun.nat-discovery")]
    [InlineData("")]
    public async Task The_HTTPS_port_serves_STUN_by_ALPN_or_first_byte(string protocol)
    {
        await using RunningServer server = await RunningServer.StartAsync([.. Certificate, "--V100:Http:Url=https://127.0.0.1:0"]);
        using StreamClient client = await ConnectAsync(new Uri(server.Host.Url).Port);
        Assert.Equal(protocol, await client.SecureAsync(protocol.Length == 0 ? [] : [protocol]));
        await AssertServedAsync(client);
        Assert.Equal(1, server.Host.Connections.Count);
    }

    [Fact]
    public async Task A_handshake_that_is_cut_short_on_the_HTTPS_port_is_counted_too()
    {
        await using RunningServer server = await RunningServer.StartAsync([.. Certificate, "--V100:Http:Url=https://127.0.0.1:0"]);
        using StreamClient client = await ConnectAsync(new Uri(server.Host.Url).Port);
        await client.SendAsync(0x16, 3, 1, 0, 4, 1, 0, 0, 0);
        await client.ReceiveToEndAsync();
        await UntilAsync(() => server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.Tls) == 1);
    }

    [Fact]
    public async Task A_half_open_handshake_on_the_HTTPS_port_ends_at_its_deadline()
    {
        await using RunningServer server = await RunningServer.StartAsync([.. Certificate, "--V100:Http:Url=https://127.0.0.1:0"]);
        using StreamClient client = await ConnectAsync(new Uri(server.Host.Url).Port);
        await client.SendAsync(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC);
        Task closed = client.AssertClosedAsync();
        await UntilAsync(() =>
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            return closed.IsCompleted;
        });
        await closed;
        await UntilAsync(() => server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.TlsTimeout) == 1);
    }

    [Theory]
    [InlineData("http/1.1")]
    [InlineData("")]
    public async Task The_HTTPS_port_still_serves_HTTP(string protocol)
    {
        await using RunningServer server = await RunningServer.StartAsync([.. Certificate, "--V100:Http:Url=https://127.0.0.1:0"]);
        using StreamClient client = await ConnectAsync(new Uri(server.Host.Url).Port);
        Assert.Equal(protocol, await client.SecureAsync(protocol.Length == 0 ? [] : [protocol]));
        await client.SendAsync("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray());
        Assert.StartsWith("HTTP/1.1 200 ", System.Text.Encoding.ASCII.GetString(await client.ReceiveToEndAsync()));
        Assert.Equal(0, server.Host.Connections.Count);
    }

    [Fact]
    public async Task The_HTTPS_port_waits_for_a_first_byte_no_longer_than_its_deadline()
    {
        await using RunningServer server = await RunningServer.StartAsync([.. Certificate, "--V100:Http:Url=https://127.0.0.1:0"]);
        using StreamClient client = await ConnectAsync(new Uri(server.Host.Url).Port);
        await client.SecureAsync();

        // With TLS 1.3 the client has its end of the handshake first: not before the server has its own does the deadline for the first byte run.
        await UntilAsync(() => server.Host.Connections.Counters.ReadSecured() == 1);
        Task closed = client.AssertClosedAsync();
        await UntilAsync(() =>
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            return closed.IsCompleted;
        });
        await closed;
        Assert.Equal(1, server.Host.Connections.Counters.ReadClosed(ConnectionCloseReason.FirstMessageTimeout));
    }

    [Fact]
    public async Task One_listener_serves_TLS_where_the_ports_are_the_same()
    {
        int port = FreePort();
        await using RunningServer server = await RunningServer.StartAsync([.. Certificate, $"--V100:Tcp:Port={port}", $"--V100:Tls:Port={port}"]);
        Assert.Null(server.Host.TlsPort);
        using StreamClient client = await ConnectAsync(port);
        await client.SecureAsync("stun.turn");
        await AssertServedAsync(client);
    }

    [Fact]
    public async Task A_reload_replaces_theCertificate_for_connections_to_come()
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        string before = await PresentedAsync(server);
        _files.Write("renewed");
        Assert.Null(server.Host.Reload());
        Assert.Equal(("CN=localhost", "CN=renewed"), (before, await PresentedAsync(server)));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task TLS_1_2_and_1_3_are_served(SslProtocols version)
    {
        await using RunningServer server = await RunningServer.StartAsync(Certificate);
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        using SslStream tls = new(client.Stream);
#pragma warning disable CA5359 // The server's certificate is the test's own.
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = version,
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
#pragma warning restore CA5359
        Assert.Equal(version, tls.SslProtocol);
    }

    private static async Task<string> PresentedAsync(RunningServer server)
    {
        using StreamClient client = await ConnectAsync(server.Host.TlsPort!.Value);
        await client.SecureAsync();
        return ((SslStream)client.Stream).RemoteCertificate!.Subject;
    }

    private static async Task AssertServedAsync(StreamClient client)
    {
        await client.SendAsync([.. Request(1), .. Request(2)[..5]]);
        await client.AssertAnswerAsync(1);
        await client.SendAsync(Request(2)[5..]);
        await client.AssertAnswerAsync(2);
    }

    /// <summary>What a client sends first.</summary>
    private static async Task<byte[]> ClientHelloAsync()
    {
        using System.Net.Sockets.TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using StreamClient client = await ConnectAsync(((IPEndPoint)listener.LocalEndpoint).Port);
        using System.Net.Sockets.Socket server = await listener.AcceptSocketAsync();
        Task handshake = client.SecureAsync("stun.turn");
        byte[] hello = new byte[4096];
        int length = await server.ReceiveAsync(hello).WaitAsync(Patience);
        server.Close(0);
        await Assert.ThrowsAnyAsync<Exception>(() => handshake);
        return hello[..length];
    }

    /// <summary>Cut short, with the record's length made right or not, and some bytes changed.</summary>
    private static byte[] Break(byte[] hello, Random random)
    {
        byte[] broken = hello[..(1 + random.Next(hello.Length - 1))];
        for (int flips = random.Next(6); flips > 0; flips--)
        {
            broken[random.Next(broken.Length)] = (byte)random.Next(256);
        }

        if (broken.Length > 5 && random.Next(2) == 0)
        {
            (broken[3], broken[4]) = ((byte)((broken.Length - 5) >> 8), (byte)(broken.Length - 5));
        }

        return broken;
    }

    private static int FreePort()
    {
        using System.Net.Sockets.TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
