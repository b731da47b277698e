using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>What an operator does to a server while a call of browsers goes through its relay: renewed secrets and certificates, and its end.</summary>
public sealed class RelayedReloadTests(ITestOutputHelper output)
{
    private const string Room = "relayed";
    private const string OldSecret = "the secret before";
    private const string NewSecret = "the secret behind";

    // Frames come every 67 ms; the rest is for a loaded machine. A browser takes longer to notice that its relay is gone.
    private const double MaxFrameGapMs = 3_000;

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);
    private static readonly ClientOptions _small = new() { Width = 320, Height = 180, FramesPerSecond = 15 };

    [Theory]
    [InlineData("udp")]
    [InlineData("tls")]
    public async Task A_relayed_call_survives_a_reload_of_secrets_and_certificates_and_a_drain_waits_for_it(string transport)
    {
        using NetworkNamespaces network = new();
        network.Name(CertificateAuthority.HostName);
        using CertificateAuthority authority = new();
        string configuration = Path.Combine(Path.GetDirectoryName(authority.CertificatePath)!, "v100.json");
        await ConfigureAsync(configuration, OldSecret);
        await using ServerProcess server = await ServerProcess.StartAsync(network, ["--config", configuration, .. authority.ServerArguments]);
        ClientOptions options = _small with { Relay = transport, Namespace = network.Clients, Authority = authority.AuthorityPath };
        await using Call call = await Call.StartAsync(server, Room, ClientKind.Chromium, ClientKind.Chromium, options);
        await AssertRelayedAsync(call, transport);
        (string Publisher, string Player) relayed = (call.Publisher.Text("local"), call.Player.Text("local"));
        await call.Player.WatchFramesAsync();

        // As it is done: first both secrets are good, then the new one alone; the certificate is another one with it.
        using CertificateAuthority next = new();
        await ConfigureAsync(configuration, NewSecret, OldSecret);
        await ReloadAsync(server, transport, 1);
        await call.AssertPlaysAsync();
        File.Copy(next.CertificatePath, authority.CertificatePath, overwrite: true);
        File.Copy(next.KeyPath, authority.KeyPath, overwrite: true);
        await ConfigureAsync(configuration, NewSecret);
        await ReloadAsync(server, transport, 2);
        await AssertRelayedAsync(call, transport);
        double reloadGapMs = await call.Player.LongestFrameGapAsync();
        Assert.InRange(reloadGapMs, 0, MaxFrameGapMs);
        // Through the same allocations.
        Assert.Equal(relayed, (call.Publisher.Text("local"), call.Player.Text("local")));

        // Who comes now gets the new secret and sees the new certificate, and nothing else is good.
        await AssertSecretsAsync(server, network);
        await using ClientProcess late = ClientProcess.Play(
            ClientKind.Chromium, server.ClientUrl, Room, await server.Api.TokenAsync(Room, "late"), options with { Authority = next.AuthorityPath });
        await late.JoinedAsync();
        await late.WaitAsync("moving pictures", _limit, () => late.Figure("framesDecoded") >= 10);
        Assert.Equal(("relay", transport), (late.Text("localType"), late.Text("relayProtocol")));

        await call.Player.WatchFramesAsync();
        await DrainAsync(server, network);
        await AssertRelayedAsync(call, transport);
        double drainGapMs = await call.Player.LongestFrameGapAsync();
        Assert.InRange(drainGapMs, 0, MaxFrameGapMs);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"figure: relayed over {transport}, longest time between two frames: {reloadGapMs:0} ms around two reloads, {drainGapMs:0} ms in a drain"));

        Assert.Equal(200, await late.StopAsync());
        Assert.Equal(200, await call.Player.StopAsync());
        Assert.False(server.HasExited);
        Assert.Equal(200, await call.Publisher.StopAsync());
        await Poll.UntilAsync("the server ends with the call", _limit, () => Task.FromResult(server.HasExited), () => server.Log);
        Assert.Equal(0, server.ExitCode);
    }

    private static async Task AssertRelayedAsync(Call call, string transport)
    {
        await call.AssertPlaysAsync();
        foreach (ClientProcess client in (ClientProcess[])[call.Publisher, call.Player])
        {
            Assert.Equal(("relay", transport), (client.Text("localType"), client.Text("relayProtocol")));
        }
    }

    private static Task ConfigureAsync(string path, params string[] secrets)
        => File.WriteAllTextAsync(path, JsonSerializer.Serialize(new { V100 = new { Turn = new { Secrets = secrets } } }));

    /// <summary>By a signal or by the API: both end in the same log line.</summary>
    private static async Task ReloadAsync(ServerProcess server, string transport, int count)
    {
        if (transport == "udp")
        {
            server.Signal("HUP");
        }
        else
        {
            await server.Api.ReloadAsync();
        }

        await Poll.UntilAsync(
            $"reload {count} is done", _limit, () => Task.FromResult(server.Log.Split("were read again:").Length == count + 1), () => server.Log);
    }

    private static async Task AssertSecretsAsync(ServerProcess server, NetworkNamespaces network)
    {
        JsonElement given = (await server.Api.GetAsync("/v1/ice-servers")).GetProperty("iceServers").EnumerateArray().Single(item => item.TryGetProperty("username", out _));
        string name = given.GetProperty("username").GetString()!;
#pragma warning disable CA5350 // As draft-uberti-behave-turn-rest-00 has it.
        Assert.Equal(Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(NewSecret), Encoding.UTF8.GetBytes(name))), given.GetProperty("credential").GetString());
#pragma warning restore CA5350
        foreach ((string secret, int code) in ((string, int)[])[(OldSecret, 401), (NewSecret, 0)])
        {
            (string user, string password) = TurnClient.TimeLimited(secret);
            await using TurnClient client = TurnClient.OverUdp(server.UdpPort, network.ControlAddress, user: user, password: password);
            Assert.Equal(code, (await client.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
            if (code == 0)
            {
                Assert.Equal(0, (await client.RefreshAsync(0)).Code);
            }
        }
    }

    /// <summary>SIGTERM: what is new is refused, over HTTP and over TURN.</summary>
    private static async Task DrainAsync(ServerProcess server, NetworkNamespaces network)
    {
        server.Signal("TERM");
        await Poll.UntilAsync("the server drains", _limit, async () => await server.Api.MetricAsync("v100_draining") == 1, () => server.Log);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await server.Api.StatusAsync("/readyz"));
        string offer = await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(Repository.Root, "tests", "V100.Sfu.Tests", "Sdp", "Offers"), "chromium*.sdp").Order(StringComparer.Ordinal).First());
        (HttpStatusCode status, _, string body) = await server.Api.OfferAsync(Room, "whip", "later", offer);
        Assert.True(status == HttpStatusCode.ServiceUnavailable, $"{status} {body}");
        (string user, string password) = TurnClient.TimeLimited(NewSecret);
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort, network.ControlAddress, user: user, password: password);
        Assert.Equal(508, (await client.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
    }
}
