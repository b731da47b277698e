using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace V100.EndToEnd.Tests;

/// <summary>coturn's own clients against the published binary: no message may be lost, in any of their modes.</summary>
public sealed partial class CoturnClientTests
{
    private const string Secret = "a shared secret of the end-to-end tests";
    private const int Clients = 4;
    private const int Messages = 25;

    // Exit codes of these tools say nothing; a run that hangs is ended.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    // A port that was reserved with EVEN-PORT and not asked for is free again after 30 s (RFC 8656, 7.2).
    private static readonly TimeSpan ReservationLimit = TimeSpan.FromSeconds(45);

    [Theory]
    [InlineData("channels", "")]
    [InlineData("channels, 1,200 bytes", "-l 1200")]
    [InlineData("Send and Data", "-s")]
    [InlineData("DONT-FRAGMENT", "-g -s")]
    [InlineData("without RTCP ports", "-c")]
    [InlineData("IPv4 asked for", "-X")]
    [InlineData("more CreatePermission and ChannelBind", "-G")]
    [InlineData("padded channel data", "-D")]
    [InlineData("mobility", "-M")]
    [InlineData("time-limited credentials", "-W")]
    public async Task Over_UDP(string mode, string options) => await RunAsync(mode, options, "127.0.0.1", "127.0.0.1");

    [Theory]
    [InlineData("relayed over IPv6", "-x")]
    [InlineData("client and relay over IPv6", "-x", "::1")]
    [InlineData("Send and Data over IPv6", "-x -s", "::1")]
    [InlineData("dual allocation", "-Z")]
    public async Task Over_UDP_with_IPv6(string mode, string options, string server = "127.0.0.1") =>
        await RunAsync(mode, options, server, options.Contains("-x", StringComparison.Ordinal) ? "::1" : "127.0.0.1");

    [Theory]
    [InlineData("TCP, channels", "-t")]
    [InlineData("TCP, Send and Data", "-t -s")]
    [InlineData("TCP over IPv6", "-t -x", "::1")]
    [InlineData("TLS, channels", "-t -S")]
    [InlineData("TLS, Send and Data", "-t -S -s")]
    [InlineData("DTLS, channels", "-S")]
    [InlineData("DTLS, Send and Data", "-S -s")]
    [InlineData("DTLS over IPv6", "-S -x", "::1")]
    [InlineData("TCP, mobility", "-t -M")]
    public async Task Over_connections(string mode, string options, string server = "127.0.0.1") =>
        await RunAsync(mode, options, server, options.Contains("-x", StringComparison.Ordinal) ? "::1" : "127.0.0.1");

    [Theory]
    [InlineData("TCP relays over TCP", "-T")]
    [InlineData("TCP relays, client to client", "-T -y")]
    public async Task Relayed_over_TCP(string mode, string options) => await RunAsync(mode, options, "127.0.0.1", "127.0.0.1");

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Binding(string address)
    {
        await using ServerProcess server = await StartAsync();
        string output = await ToEndAsync("turnutils_stunclient", "-p", Text(server.UdpPort), address);
        Assert.Contains($"UDP reflexive addr: {address}:", output, StringComparison.Ordinal);
    }

    private static async Task<ServerProcess> StartAsync(CertificateAuthority? authority = null, int tlsPort = 0) => await ServerProcess.StartAsync(
    [
        .. authority is null ? [] : (string[])[.. authority.ServerArguments, $"--V100:Tls:Port={tlsPort}"],
        // Above the ports that the system gives to other programs of this machine: a reserved port must still be free when it is asked for.
        "--V100:Turn:RelayPortMin=61000",

        // Their client draws its channel numbers from the range of RFC 5766.
        "--V100:Turn:ChannelNumbers=rfc5766", "--V100:Turn:Users:user=pass", $"--V100:Turn:Secrets:0={Secret}", "--V100:PublicAddresses:0=127.0.0.1", "--V100:PublicAddresses:1=::1",
        "--V100:Turn:AllowedPeers:0=127.0.0.0/8", "--V100:Turn:AllowedPeers:1=::1/128",
    ]);

    [Fact]
    public async Task NAT_behaviour_is_discovered_from_two_addresses_and_two_ports()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(
            "--V100:PublicAddresses:0=127.0.0.1", "--V100:PublicAddresses:1=127.0.0.2", $"--V100:Stun:DiscoveryPort={FreePort.Find()}");
        string output = await ToEndAsync("turnutils_natdiscovery", "-m", "-f", "-p", Text(server.UdpPort), "127.0.0.1");
        Assert.Contains("NAT with Endpoint Independent Mapping", output, StringComparison.Ordinal);
        Assert.Contains("NAT with Endpoint Independent Filtering", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("even ports, of which some are reserved in vain", "-y")]
    [InlineData("DTLS without an end", "-S")]
    public async Task Nothing_stays_behind(string mode, string options)
    {
        (ServerProcess server, Gauges start) = await PlayAsync(mode, options, "127.0.0.1", "127.0.0.1");
        await using ServerProcess ends = server;
        string difference = "";
        await Poll.UntilAsync(
            "every gauge is back where it began", ReservationLimit,
            async () => (difference = (await server.Api.GaugesAsync()).Difference(start)).Length == 0, () => $"{difference}\n{server.Log}");
    }

    private static async Task RunAsync(string mode, string options, string serverAddress, string peerAddress)
    {
        (ServerProcess server, _) = await PlayAsync(mode, options, serverAddress, peerAddress);
        await server.DisposeAsync();
    }

    /// <summary>One run of the client; the server goes on.</summary>
    private static async Task<(ServerProcess Server, Gauges Start)> PlayAsync(string mode, string options, string serverAddress, string peerAddress)
    {
        bool secured = options.Contains("-S", StringComparison.Ordinal);
        bool overTcp = options.Contains("-t", StringComparison.Ordinal) || options.Contains("-T", StringComparison.Ordinal);
        using CertificateAuthority authority = new();
        int tlsPort = FreePort.Find();
        ServerProcess server = await StartAsync(authority, tlsPort);
        try
        {
            int port = secured ? tlsPort : overTcp ? server.TcpPort : server.UdpPort;
            Gauges start = await server.Api.GaugesAsync();
            using EchoPeer peer = EchoPeer.Start(peerAddress);
            string[] credentials = options.Contains("-W", StringComparison.Ordinal) ? ["-u", "user", "-W", Secret] : ["-u", "user", "-w", "pass"];
            string[] flags = [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(flag => flag != "-W")];
            string output = await ToEndAsync(
                "turnutils_uclient",
                [
                    .. flags, .. credentials, "-L", serverAddress, "-e", peerAddress, "-r", Text(peer.Port), "-p", Text(port),
                    "-n", Text(Messages), "-m", Text(Clients), serverAddress,
                ]);
            AssertNothingLost(mode, output, server);
            // The client ends without a word to most of its allocations.
            await server.Api.DeleteAllocationsAsync();
            await Poll.UntilAsync(
                "no allocation and no connection is left", TimeSpan.FromSeconds(10),
                async () => await server.Api.GaugesAsync() is var gauges && gauges["v100_turn_allocations"] + gauges["v100_tcp_connections"] + gauges["v100_turn_peer_connections"] == 0,
                () => server.Log);
            return (server, start);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static void AssertNothingLost(string mode, string output, ServerProcess server)
    {
        Match totals = Totals().Match(output);
        Assert.True(totals.Success, $"{mode}: no totals\n{output}\n{server.Log}");
        int sent = int.Parse(totals.Groups["sent"].Value, CultureInfo.InvariantCulture);
        int received = int.Parse(totals.Groups["received"].Value, CultureInfo.InvariantCulture);
        Assert.True(sent >= Clients * Messages && received == sent, $"{mode}: {received} of {sent}\n{output}\n{server.Log}");
        Assert.Contains("Total lost packets 0 (0.000000%), total send dropped 0 (0.000000%)", output, StringComparison.Ordinal);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task<string> ToEndAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        StringBuilder output = new();
        process.OutputDataReceived += (_, line) => { lock (output) { output.AppendLine(line.Data); } };
        process.ErrorDataReceived += (_, line) => { lock (output) { output.AppendLine(line.Data); } };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using CancellationTokenSource limit = new(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
        }

        lock (output)
        {
            return output.ToString();
        }
    }

    [GeneratedRegex(@"tot_send_msgs=(?<sent>\d+), tot_recv_msgs=(?<received>\d+)\s*\n.*tot_send_bytes ~ \d+, tot_recv_bytes ~ \d+\s*\n.*Total transmit time")]
    private static partial Regex Totals();
}
