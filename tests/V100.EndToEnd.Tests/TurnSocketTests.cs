using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>
/// The published binary's STUN and TURN over real sockets, byte by byte. What one machine decides alone is tested in V100.Turn.Tests;
/// here is what sockets, streams, TLS and the process have a part in.
/// </summary>
public sealed class TurnSocketTests(ITestOutputHelper output)
{
    // The text of the limiter's bounds (docs of UnauthenticatedLimiter): 1,000 at once and 200 a second, for each worker.
    private const int LimiterBurst = 1000;
    private const int LimiterRate = 200;

    private const int SpoofedSources = 3000;
    private const long MaxSpoofedGrowthKibibytes = 1024;

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(3);

    [Fact]
    public Task Line_01_Binding_shows_the_client_its_own_address() => AssertBindingAsync(IPAddress.Loopback);

    [Fact]
    public Task Line_02_Binding_shows_it_over_IPv6_too() => AssertBindingAsync(IPAddress.IPv6Loopback);

    private static async Task AssertBindingAsync(IPAddress address)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort, address);
        // RFC 8489, 6.3.1 and 14.2. AskAsync matches the transaction id.
        StunMessage answer = await client.AskAsync(StunMessage.Binding);
        Assert.Equal(StunMessage.Binding | StunMessage.Success, answer.Type);
        Assert.Equal(client.Local, answer.Address(StunAttribute.XorMappedAddress));
    }

    [Fact]
    public async Task Line_03_A_bad_header_gets_no_answer()
    {
        byte[] good = StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []);
        // RFC 8489, 6.3: the top bits, the cookie, a length that is not the datagram's, one that is no multiple of four.
        await AssertSilentAsync(
            [(byte)(good[0] | 0x40), .. good[1..]], [(byte)(good[0] | 0x80), .. good[1..]], [.. good[..4], 0x22, .. good[5..]],
            [.. good[..3], 4, .. good[4..]], [.. good, 0, 0, 0, 0], [.. good[..3], 2, .. good[4..], 0, 0]);
    }

    [Fact]
    public Task Line_06_An_indication_gets_no_answer() => AssertSilentAsync(
        StunMessage.Write(0x0011, StunMessage.NewTransactionId(), [new(0x7F01, [1])]), StunMessage.Write(0x0011, StunMessage.NewTransactionId(), []));

    [Fact]
    public async Task Line_07_A_bad_FINGERPRINT_gets_no_answer_and_a_good_one_does()
    {
        byte[] good = StunMessage.WithFingerprint(StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []));
        await AssertSilentAsync([.. good[..^1], (byte)(good[^1] ^ 1)]);
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        StunMessage answer = await client.AskAsync(good);
        Assert.Equal(StunMessage.Binding | StunMessage.Success, answer.Type);
        Assert.NotNull(answer[StunAttribute.Fingerprint]);
    }

    private static async Task AssertSilentAsync(params byte[][] silent)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        foreach (byte[] bytes in silent)
        {
            await client.SendAsync(bytes);
            await client.AssertSilenceAsync();
        }
    }

    [Fact]
    public async Task Line_04_An_unknown_required_attribute_is_named_in_a_420()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        // RFC 8489, 6.3.1.
        StunMessage refused = await client.AskAsync(StunMessage.Binding, new StunAttribute(0x7F01, [1]), new StunAttribute(0x7F02, []));
        Assert.Equal(420, refused.Code);
        Assert.Equal([0x7F, 0x01, 0x7F, 0x02], refused[StunAttribute.UnknownAttributes]!);
    }

    [Fact]
    public async Task Line_05_An_unknown_optional_attribute_is_ignored()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        Assert.Equal(StunMessage.Binding | StunMessage.Success, (await client.AskAsync(StunMessage.Binding, new StunAttribute(0xFF01, [1, 2, 3]))).Type);
    }

    [Fact]
    public async Task Line_08_Of_two_attributes_the_first_one_counts()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        // RFC 8489, 14.
        StunMessage answer = await client.AllocateAsync(StunAttribute.UInt32(StunAttribute.Lifetime, 700), StunAttribute.UInt32(StunAttribute.Lifetime, 900));
        Assert.Equal(StunAttribute.UInt32(StunAttribute.Lifetime, 700).Value, answer[StunAttribute.Lifetime]!);
    }

    [Fact]
    public async Task Line_13_A_stream_is_cut_into_messages_however_it_arrives()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        byte[][] requests = [.. Enumerable.Range(0, 3).Select(_ => StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []))];
        // RFC 8489, 6.2.2: bytes one by one, then two messages at once.
        foreach (byte octet in requests[0])
        {
            await client.SendAsync([octet]);
        }

        Assert.Equal(requests[0][8..20], (await client.NextMessageAsync()).TransactionId);
        await client.SendAsync([.. requests[1], .. requests[2]]);
        Assert.Equal(requests[1][8..20], (await client.NextMessageAsync()).TransactionId);
        StunMessage last = await client.NextMessageAsync();
        Assert.Equal(requests[2][8..20], last.TransactionId);
        Assert.Equal(client.Local, last.Address(StunAttribute.XorMappedAddress));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001")]
    [InlineData("\u0000\u0001\u0000\u0003")]
    public async Task Line_14_A_stream_of_garbage_is_closed_soon(string garbage)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient fresh = await TurnClient.OverTcpAsync(server.TcpPort);
        await using TurnClient known = await TurnClient.OverTcpAsync(server.TcpPort);
        Assert.Equal(0, (await known.AskAsync(StunMessage.Binding)).Code);
        long began = Stopwatch.GetTimestamp();
        foreach (TurnClient client in (TurnClient[])[fresh, known])
        {
            await client.SendAsync(Encoding.Latin1.GetBytes(garbage));
            Assert.True(await client.EndsAsync());
        }

        Assert.True(Stopwatch.GetElapsedTime(began) < _limit);
        await Poll.UntilAsync(
            "both are counted", _limit, async () => await server.Api.MetricAsync("v100_tcp_closed_total{reason=\"garbage\"}") == 2, () => server.Log);
    }

    [Fact]
    public async Task Line_15_An_Allocate_without_credentials_is_challenged()
    {
        StunMessage challenge = await ChallengeAsync();
        Assert.Equal(StunMessage.Allocate | StunMessage.Error, challenge.Type);
        Assert.Equal(401, challenge.Code);
        Assert.Equal("v100"u8.ToArray(), challenge[StunAttribute.Realm]!);
        Assert.NotEmpty(challenge[StunAttribute.Nonce]!);
        Assert.Null(challenge[StunAttribute.MessageIntegrity]);
    }

    [Fact]
    public async Task Line_16_The_challenge_offers_SHA_256_and_MD5()
    {
        StunMessage challenge = await ChallengeAsync();
        // RFC 8489, 9.2.
        Assert.StartsWith("obMatJos2", Encoding.ASCII.GetString(challenge[StunAttribute.Nonce]!), StringComparison.Ordinal);
        Assert.Equal([0, 2, 0, 0, 0, 1, 0, 0], challenge[StunAttribute.PasswordAlgorithms]!);
    }

    private static async Task<StunMessage> ChallengeAsync()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        return await client.AskAsync(StunMessage.Allocate, StunAttribute.UdpTransport);
    }

    [Fact]
    public async Task Line_31_A_success_has_the_addresses_the_lifetime_and_an_integrity()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        // RFC 8656, 7.2.
        StunMessage answer = await client.AllocateAsync();
        Assert.Equal(IPAddress.Loopback, client.Relayed.Address);
        Assert.InRange(client.Relayed.Port, 49152, 65535);
        Assert.Equal(client.Local, answer.Address(StunAttribute.XorMappedAddress));
        Assert.Equal(StunAttribute.UInt32(StunAttribute.Lifetime, 600).Value, answer[StunAttribute.Lifetime]!);
        Assert.True(answer.IsSealedWith(client.Key));
    }

    [Fact]
    public async Task Line_66_TLS_selects_the_protocol_of_RFC_7443()
    {
        using CertificateAuthority authority = new();
        int tlsPort = FreePort.Find();
        await using ServerProcess server = await ServerProcess.StartRelayAsync([.. authority.ServerArguments, $"--V100:Tls:Port={tlsPort}"]);
        (TurnClient client, SslStream tls) = await TurnClient.OverTlsAsync(tlsPort, authority, "stun.turn");
        await using TurnClient ends = client;
        Assert.Equal("stun.turn", tls.NegotiatedApplicationProtocol.ToString());
        await client.AllocateAsync();

        (TurnClient without, SslStream plain) = await TurnClient.OverTlsAsync(tlsPort, authority);
        await using TurnClient endsToo = without;
        Assert.Equal("", plain.NegotiatedApplicationProtocol.ToString());
        Assert.Equal(0, (await without.AskAsync(StunMessage.Binding)).Code);
    }

    [Fact]
    public async Task Line_67_Forbidden_peers_are_refused_by_every_request()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        await using TurnClient stream = await TurnClient.OverTcpAsync(server.TcpPort);
        await stream.AllocateTcpAsync();
        // RFC 8656, 21, but for loopback, where this server's own media and relays are reached by their ports: private, shared, link-local with its metadata service, multicast, unspecified, and IPv4 inside of IPv6.
        string[] forbidden =
        [
            "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "255.255.255.255", "240.0.0.1",
            "::", "fd00::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "::10.0.0.1",
        ];
        foreach (string address in forbidden)
        {
            var peer = new IPEndPoint(IPAddress.Parse(address), 80);
            int permission = (await client.RequestAsync(StunMessage.CreatePermission, StunAttribute.Peer(peer))).Code;
            int channel = (await client.RequestAsync(StunMessage.ChannelBind, TurnClient.ChannelNumber(0x4000), StunAttribute.Peer(peer))).Code;
            int connection = (await stream.RequestAsync(StunMessage.Connect, StunAttribute.Peer(peer))).Code;
            Assert.True((permission, channel, connection) == (403, 403, 403), $"{address}: {permission}, {channel} and {connection}");
        }

        Assert.Equal(3 * forbidden.Length, await server.Api.MetricAsync("v100_turn_total{kind=\"rejected_forbidden\"}"));
        Assert.Equal(443, (await client.RequestAsync(StunMessage.CreatePermission, StunAttribute.Peer(new IPEndPoint(IPAddress.Parse("2606:4700::1"), 80)))).Code);
    }

    [Fact]
    public async Task Line_67_None_of_the_servers_listeners_is_a_peer_but_its_media_over_UDP()
    {
        // Relay ports above those that the system gives to listeners: a relayed address is a peer.
        await using ServerProcess server = await ServerProcess.StartAsync(
            $"--V100:Turn:Users:{TurnClient.User}={TurnClient.Password}", "--V100:PublicAddresses:0=127.0.0.1", "--V100:Turn:RelayPortMin=61000");
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        await using TurnClient stream = await TurnClient.OverTcpAsync(server.TcpPort);
        await stream.AllocateTcpAsync();
        foreach ((int port, int channel, int connection) in ((int, int, int)[])[(server.UdpPort, 0, 403), (server.TcpPort, 403, 403), (server.ControlUrl.Port, 403, 403), (22, 403, 403)])
        {
            StunAttribute peer = StunAttribute.Peer(new IPEndPoint(IPAddress.Loopback, port));
            Assert.Equal((port, channel), (port, (await client.RequestAsync(StunMessage.ChannelBind, TurnClient.ChannelNumber(0x4000), peer)).Code));
            Assert.Equal((port, connection), (port, (await stream.RequestAsync(StunMessage.Connect, peer)).Code));
        }
    }

    [Fact]
    public async Task Line_68_Sources_that_prove_nothing_leave_nothing()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        // The first ones make the server touch the memory that it has set aside for requests.
        await SpoofAsync(server, 0, SpoofedSources / 10);
        long before = server.StatusKibibytes("VmRSS");
        await SpoofAsync(server, SpoofedSources / 10, SpoofedSources);
        long growth = server.StatusKibibytes("VmRSS") - before;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: {SpoofedSources} sources with three requests each: {before} KiB grew by {growth} KiB"));
        Assert.True(growth < MaxSpoofedGrowthKibibytes, $"{growth} KiB more");
        Assert.Equal(0, (await server.Api.GaugesAsync())["v100_turn_allocations"]);
    }

    [Fact]
    public async Task Keys_turn_mobility_and_TCP_relays_off_and_bound_the_challenges()
    {
        const int Requests = 20;
        const int Rate = 1;
        const int Burst = 5 * Rate;
        await using ServerProcess server = await ServerProcess.StartRelayAsync(
            "--V100:Udp:Workers=1", "--V100:Turn:Mobility=false", "--V100:Turn:TcpRelays=false", $"--V100:Turn:UnauthenticatedPerSecond={Rate}");
        await using TurnClient stream = await TurnClient.OverTcpAsync(server.TcpPort);
        // RFC 6062, 5.1 leaves it to RFC 8656, 7.2; RFC 8016, 3.1.2.
        Assert.Equal(442, (await stream.RequestAsync(StunMessage.Allocate, new StunAttribute(StunAttribute.RequestedTransport, [6, 0, 0, 0]))).Code);
        StunAttribute ticket = new(StunAttribute.MobilityTicket, []);
        Assert.Equal(405, (await stream.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport, ticket)).Code);
        await stream.AllocateAsync();

        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        long began = Stopwatch.GetTimestamp();
        for (int request = 0; request < Requests; request++)
        {
            await client.SendAsync(StunMessage.Write(StunMessage.Allocate, StunMessage.NewTransactionId(), [StunAttribute.UdpTransport]));
        }

        int answered = 0;
        await client.SendAsync(StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []));
        while (await client.NextMessageAsync() is { Code: not 0 })
        {
            answered++;
        }

        Assert.InRange(answered, Burst, Burst + Rate * (1 + (int)Stopwatch.GetElapsedTime(began).TotalSeconds));
    }

    [Fact]
    public async Task Line_69_A_flood_of_challenges_ends_in_silence()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        const int wave = 50;
        const int waves = 3 * LimiterBurst / wave;
        int answered = 0;
        long began = Stopwatch.GetTimestamp();
        for (int sent = 0; sent < waves; sent++)
        {
            for (int index = 0; index < wave; index++)
            {
                await client.SendAsync(StunMessage.Write(StunMessage.Allocate, StunMessage.NewTransactionId(), [StunAttribute.UdpTransport]));
            }

            // Binding is not limited. Its answer says that the wave is done: the socket's buffers hold one wave.
            await client.SendAsync(StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []));
            while (await client.NextMessageAsync() is { Code: not 0 } challenge)
            {
                Assert.Equal(401, challenge.Code);
                answered++;
            }
        }

        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: {answered} of {waves * wave} requests answered in {seconds:0.00} s"));
        Assert.InRange(answered, LimiterBurst - 1, LimiterBurst + 1 + (int)Math.Ceiling(seconds * LimiterRate));
        Assert.Equal(waves * wave - answered, await server.Api.MetricAsync("v100_turn_total{kind=\"silenced_by_limiter\"}"));
    }

    [Fact]
    public async Task Line_64_A_request_to_change_the_source_is_answered_from_there()
    {
        int otherPort = FreePort.Find();
        await using ServerProcess server = await ServerProcess.StartAsync(
            "--V100:PublicAddresses:0=127.0.0.1", "--V100:PublicAddresses:1=127.0.0.2", $"--V100:Stun:DiscoveryPort={otherPort}");
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint main = new(IPAddress.Loopback, server.UdpPort);
        IPEndPoint other = new(IPAddress.Parse("127.0.0.2"), otherPort);
        // RFC 5780, 7.2: the bits ask for another address (4) and another port (2).
        foreach ((uint change, IPEndPoint source) in ((uint, IPEndPoint)[])[(0, main), (2, new(main.Address, other.Port)), (4, new(other.Address, main.Port)), (6, other)])
        {
            StunMessage answer = await AskAsync(socket, main, change, source);
            Assert.Equal(source, answer.PlainAddress(StunAttribute.ResponseOrigin));
            Assert.Equal(other, answer.PlainAddress(StunAttribute.OtherAddress));
            Assert.Equal(socket.LocalEndPoint, answer.Address(StunAttribute.XorMappedAddress));
        }

        Assert.Equal(main, (await AskAsync(socket, other, 6, main)).PlainAddress(StunAttribute.OtherAddress));
    }

    private static async Task<StunMessage> AskAsync(Socket socket, IPEndPoint to, uint change, IPEndPoint source)
    {
        using CancellationTokenSource limit = new(_limit);
        byte[] buffer = new byte[2048];
        byte[] request = StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), [StunAttribute.UInt32(StunAttribute.ChangeRequest, change)]);
        await socket.SendToAsync(request, to, limit.Token);
        SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), limit.Token);
        Assert.Equal(source, received.RemoteEndPoint);
        StunMessage answer = StunMessage.Read(buffer[..received.ReceivedBytes])!;
        Assert.Equal(request[8..20], answer.TransactionId);
        return answer;
    }

    /// <summary>From each source of a range a Binding, an Allocate and a Refresh with a forged integrity; each is answered.</summary>
    private static async Task SpoofAsync(ServerProcess server, int first, int last)
    {
        StunAttribute[] forged =
        [
            new(StunAttribute.Username, Encoding.ASCII.GetBytes(TurnClient.User)), new(StunAttribute.Realm, "v100"u8.ToArray()),
            new(StunAttribute.Nonce, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"u8.ToArray()),
        ];
        for (int number = first; number < last; number++)
        {
            // 127.1.0.1 and on: in a /24 each.
            IPAddress source = new([127, (byte)(1 + (number >> 8)), (byte)number, 1]);
            await using TurnClient client = TurnClient.OverUdp(server.UdpPort, source: source);
            Assert.Equal(client.Local, (await client.AskAsync(StunMessage.Binding)).Address(StunAttribute.XorMappedAddress));
            Assert.Equal(401, (await client.AskAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
            Assert.Equal(438, (await client.AskAsync(StunMessage.Write(StunMessage.Refresh, StunMessage.NewTransactionId(), forged, key: [1]))).Code);
        }
    }
}
