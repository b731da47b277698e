using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
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

    private static readonly TimeSpan _garbageLimit = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Binding_shows_the_client_its_own_address(string address)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort, IPAddress.Parse(address));
        // RFC 8489, 6.3.1 and 14.2. AskAsync matches the transaction id.
        StunMessage answer = await client.AskAsync(StunMessage.Binding);
        Assert.Equal(StunMessage.Binding | StunMessage.Success, answer.Type);
        Assert.Equal(client.Local, answer.Address(StunAttribute.XorMappedAddress));
    }

    [Fact]
    public async Task What_is_no_request_gets_no_answer()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        byte[] good = StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []);
        byte[] sealedBadly = StunMessage.WithFingerprint(good);
        sealedBadly[^1] ^= 1;
        byte[][] silent =
        [
            // RFC 8489, 6.3: the top bits, the cookie, a length that is not the datagram's, one that is no multiple of four.
            [(byte)(good[0] | 0x40), .. good[1..]], [(byte)(good[0] | 0x80), .. good[1..]], [.. good[..4], 0x22, .. good[5..]],
            [.. good[..3], 4, .. good[4..]], [.. good, 0, 0, 0, 0], [.. good[..3], 2, .. good[4..], 0, 0],
            // 7: a wrong FINGERPRINT. 6.3.2: an indication with an unknown required attribute, and one without.
            sealedBadly,
            StunMessage.Write(0x0011, StunMessage.NewTransactionId(), [new(0x7F01, [1])]), StunMessage.Write(0x0011, StunMessage.NewTransactionId(), []),
        ];
        foreach (byte[] bytes in silent)
        {
            await client.SendAsync(bytes);
            await client.AssertSilenceAsync();
        }

        Assert.Equal(StunMessage.Binding | StunMessage.Success, (await client.AskAsync(StunMessage.WithFingerprint(good))).Type);
    }

    [Fact]
    public async Task Attributes_are_known_or_named_in_a_420_and_the_first_one_counts()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        // RFC 8489, 6.3.1.
        StunMessage refused = await client.AskAsync(StunMessage.Binding, new StunAttribute(0x7F01, [1]), new StunAttribute(0x7F02, []));
        Assert.Equal(420, refused.Code);
        Assert.Equal([0x7F, 0x01, 0x7F, 0x02], refused[StunAttribute.UnknownAttributes]!);
        Assert.Equal(StunMessage.Binding | StunMessage.Success, (await client.AskAsync(StunMessage.Binding, new StunAttribute(0xFF01, [1, 2, 3]))).Type);

        // RFC 8489, 14.
        StunMessage answer = await client.AllocateAsync(StunAttribute.UInt32(StunAttribute.Lifetime, 700), StunAttribute.UInt32(StunAttribute.Lifetime, 900));
        Assert.Equal(StunAttribute.UInt32(StunAttribute.Lifetime, 700).Value, answer[StunAttribute.Lifetime]!);
    }

    [Fact]
    public async Task A_stream_is_cut_into_messages_however_it_arrives()
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
    public async Task A_stream_of_garbage_is_closed_soon(string garbage)
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

        Assert.True(Stopwatch.GetElapsedTime(began) < _garbageLimit);
        await Poll.UntilAsync(
            "both are counted", _garbageLimit, async () => await server.Api.MetricAsync("v100_tcp_closed_total{reason=\"garbage\"}") == 2, () => server.Log);
    }

    [Fact]
    public async Task An_Allocate_is_challenged_and_then_served()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        StunMessage challenge = await client.AskAsync(StunMessage.Allocate, StunAttribute.UdpTransport);
        // RFC 8489, 9.2 and 9.2.4: SHA-256 and MD5 are offered.
        Assert.Equal(StunMessage.Allocate | StunMessage.Error, challenge.Type);
        Assert.Equal(401, challenge.Code);
        Assert.Equal("v100"u8.ToArray(), challenge[StunAttribute.Realm]!);
        Assert.StartsWith("obMatJos2", Encoding.ASCII.GetString(challenge[StunAttribute.Nonce]!), StringComparison.Ordinal);
        Assert.Equal([0, 2, 0, 0, 0, 1, 0, 0], challenge[StunAttribute.PasswordAlgorithms]!);

        // RFC 8656, 7.2.
        StunMessage answer = await client.AllocateAsync();
        Assert.Equal(IPAddress.Loopback, client.Relayed.Address);
        Assert.InRange(client.Relayed.Port, 49152, 65535);
        Assert.Equal(client.Local, answer.Address(StunAttribute.XorMappedAddress));
        Assert.Equal(StunAttribute.UInt32(StunAttribute.Lifetime, 600).Value, answer[StunAttribute.Lifetime]!);
        Assert.True(answer.IsSealedWith(client.Key));
    }

    [Fact]
    public async Task TLS_selects_the_protocol_of_RFC_7443()
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
    public async Task Forbidden_peers_are_refused_by_both_requests()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
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
            Assert.True((permission, channel) == (403, 403), $"{address}: {permission} and {channel}");
        }

        Assert.Equal(2 * forbidden.Length, await server.Api.MetricAsync("v100_turn_total{kind=\"rejected_forbidden\"}"));
        Assert.Equal(443, (await client.RequestAsync(StunMessage.CreatePermission, StunAttribute.Peer(new IPEndPoint(IPAddress.Parse("2606:4700::1"), 80)))).Code);
    }

    [Fact]
    public async Task Sources_that_prove_nothing_leave_nothing()
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
    public async Task A_flood_of_challenges_ends_in_silence()
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
