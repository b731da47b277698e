using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>What allocations of the published binary live through, and how they end.</summary>
public sealed class TurnLifecycleTests
{
    private const int Channel = 0x4001;
    private const string OldSecret = "the secret before";
    private const string NewSecret = "the secret behind";
    private const string NewPassword = "another";

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_reload_changes_who_may_ask_and_not_what_is_relayed()
    {
        using CertificateAuthority authority = new();
        string configuration = Path.Combine(Path.GetDirectoryName(authority.CertificatePath)!, "v100.json");
        await ConfigureAsync(configuration, TurnClient.Password, OldSecret);
        int tlsPort = FreePort.Find();
        await using ServerProcess server = await ServerProcess.StartAsync(
        [
            "--config", configuration, .. authority.ServerArguments, $"--V100:Tls:Port={tlsPort}", "--V100:PublicAddresses:0=127.0.0.1",
            "--V100:Turn:AllowedPeers:0=127.0.0.0/8",
        ]);
        Gauges start = await server.Api.GaugesAsync();
        using EchoPeer peer = EchoPeer.Start("127.0.0.1");
        await using TurnClient longTerm = TurnClient.OverUdp(server.UdpPort);
        (string name, string password) = TurnClient.TimeLimited(OldSecret);
        await using TurnClient timeLimited = TurnClient.OverUdp(server.UdpPort, user: name, password: password);
        (TurnClient secured, SslStream tls) = await TurnClient.OverTlsAsync(tlsPort, authority);
        TurnClient[] clients = [longTerm, timeLimited, secured];
        foreach (TurnClient client in clients)
        {
            await client.AllocateAsync();
            await client.BindAsync(Channel, new IPEndPoint(IPAddress.Loopback, peer.Port));
            await AssertRelaysAsync(client, "before");
        }

        // A second secret: both are good.
        await ConfigureAsync(configuration, TurnClient.Password, NewSecret, OldSecret);
        await ReloadAsync(server, 1);
        Assert.Equal(0, (await timeLimited.RefreshAsync(600)).Code);

        // The old secret, the old password and the old certificate go.
        byte[] oldCertificate = tls.RemoteCertificate!.GetRawCertData();
        using CertificateAuthority next = new();
        File.Copy(next.CertificatePath, authority.CertificatePath, overwrite: true);
        File.Copy(next.KeyPath, authority.KeyPath, overwrite: true);
        await ConfigureAsync(configuration, NewPassword, NewSecret);
        await ReloadAsync(server, 2);
        foreach (TurnClient client in clients)
        {
            Assert.Equal(401, (await client.RefreshAsync(600)).Code);
            await AssertRelaysAsync(client, "behind");
        }

        // Who knows the new password goes on with the allocation that it has.
        longTerm.UsePassword(NewPassword);
        Assert.Equal(0, (await longTerm.RefreshAsync(600)).Code);
        (name, password) = TurnClient.TimeLimited(NewSecret);
        await using TurnClient newcomer = TurnClient.OverUdp(server.UdpPort, user: name, password: password);
        await newcomer.AllocateAsync();
        (TurnClient fresh, SslStream freshTls) = await TurnClient.OverTlsAsync(tlsPort, next);
        await using (fresh)
        {
            Assert.NotEqual(oldCertificate, freshTls.RemoteCertificate!.GetRawCertData());
            Assert.Equal(0, (await fresh.AskAsync(StunMessage.Binding)).Code);
        }

        await secured.DisposeAsync();
        await server.Api.DeleteAllocationsAsync();
        await AssertBackAsync(server, start);
    }

    [Theory]
    [InlineData("a key of another certificate", "V100:Tls:CertificatePath")]
    [InlineData("a key that is too short", "V100:Tls:CertificatePath")]
    [InlineData("a realm that is too long", "V100:Turn:Realm")]
    public async Task A_reload_that_fails_changes_nothing(string fault, string key)
    {
        using CertificateAuthority authority = new();
        string configuration = Path.Combine(Path.GetDirectoryName(authority.CertificatePath)!, "v100.json");
        await ConfigureAsync(configuration, TurnClient.Password, OldSecret);
        int tlsPort = FreePort.Find();
        await using ServerProcess server = await ServerProcess.StartAsync(
            ["--config", configuration, .. authority.ServerArguments, $"--V100:Tls:Port={tlsPort}", "--V100:PublicAddresses:0=127.0.0.1"]);
        await using TurnClient client = TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();

        // With a new password beside the fault.
        await ConfigureAsync(configuration, NewPassword, OldSecret);
        await SpoilAsync(fault, authority, configuration);
        server.Signal("HUP");
        await Poll.UntilAsync(
            "the reload is refused", _limit, () => Task.FromResult(server.Log.Contains($"was not read again: {key} = ", StringComparison.Ordinal)), () => server.Log);
        Assert.Equal(0, (await client.RefreshAsync(600)).Code);
        (TurnClient secured, _) = await TurnClient.OverTlsAsync(tlsPort, authority);
        await using (secured)
        {
            Assert.Equal(0, (await secured.AskAsync(StunMessage.Binding)).Code);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_drain_waits_for_the_last_allocation(bool overTcp)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        using EchoPeer peer = EchoPeer.Start("127.0.0.1");
        await using TurnClient client = overTcp ? await TurnClient.OverTcpAsync(server.TcpPort) : TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        server.Signal("TERM");
        await Poll.UntilAsync("the server drains", _limit, async () => await server.Api.MetricAsync("v100_draining") == 1, () => server.Log);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await server.Api.StatusAsync("/readyz"));

        // What stands is served in full; what is new is refused (508 without an alternate server).
        await client.BindAsync(Channel, new IPEndPoint(IPAddress.Loopback, peer.Port));
        await AssertRelaysAsync(client, "while draining");
        Assert.Equal(0, (await client.RefreshAsync(600)).Code);
        await using (TurnClient late = TurnClient.OverUdp(server.UdpPort))
        {
            Assert.Equal(508, (await late.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
            Assert.Equal(0, (await late.AskAsync(StunMessage.Binding)).Code);
        }

        await AssertRelaysAsync(client, "still");
        Assert.False(server.HasExited);
        Assert.Equal(0, (await client.RefreshAsync(0)).Code);
        await Poll.UntilAsync("the server ends", _limit, () => Task.FromResult(server.HasExited), () => server.Log);
        Assert.Equal(0, server.ExitCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DELETE_of_an_allocation_closes_its_port(bool overTcp)
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync();
        Gauges start = await server.Api.GaugesAsync();
        using EchoPeer peer = EchoPeer.Start("127.0.0.1");
        await using TurnClient client = overTcp ? await TurnClient.OverTcpAsync(server.TcpPort) : TurnClient.OverUdp(server.UdpPort);
        await client.AllocateAsync();
        await client.BindAsync(Channel, new IPEndPoint(IPAddress.Loopback, peer.Port));
        await AssertRelaysAsync(client, "before");
        Assert.False(FreePort.IsFree(client.Relayed));
        JsonElement allocation = (await server.Api.GetAsync("/v1/turn/allocations")).GetProperty("allocations").EnumerateArray().Single();
        Assert.Equal(client.Relayed.ToString(), allocation.GetProperty("relayed").GetString());
        string path = $"/v1/turn/allocations/{allocation.GetProperty("id").GetString()}";

        Assert.Equal(HttpStatusCode.NoContent, await server.Api.DeleteSessionAsync(path));
        await Poll.UntilAsync("the port is free", _limit, () => Task.FromResult(FreePort.IsFree(client.Relayed)), () => server.Log);
        Assert.Equal(HttpStatusCode.NotFound, await server.Api.DeleteSessionAsync(path));
        await client.SendChannelAsync(Channel, "nobody hears it"u8.ToArray());
        await client.AssertSilenceAsync();
        Assert.Equal(437, (await client.RefreshAsync(600)).Code);

        // The client may begin again where it was.
        await client.AllocateAsync();
        Assert.Equal(0, (await client.RefreshAsync(0)).Code);
        await client.DisposeAsync();
        await AssertBackAsync(server, start);
    }

    private static async Task SpoilAsync(string fault, CertificateAuthority authority, string configuration)
    {
        switch (fault)
        {
            case "a key of another certificate":
                using (CertificateAuthority next = new())
                {
                    File.Copy(next.KeyPath, authority.KeyPath, overwrite: true);
                }

                break;
            case "a key that is too short":
                // The platform reads it; OpenSSL makes no handshake with it.
                using (RSA key = RSA.Create(512))
                using (X509Certificate2 certificate = new CertificateRequest($"CN={CertificateAuthority.HostName}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                    .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1)))
                {
                    await File.WriteAllTextAsync(authority.CertificatePath, certificate.ExportCertificatePem());
                    await File.WriteAllTextAsync(authority.KeyPath, key.ExportPkcs8PrivateKeyPem());
                }

                break;
            default:
                string text = await File.ReadAllTextAsync(configuration);
                await File.WriteAllTextAsync(configuration, text.Replace("\"Users\"", $"\"Realm\":\"{new string('r', 128)}\",\"Users\"", StringComparison.Ordinal));
                break;
        }
    }

    private static Task ConfigureAsync(string path, string password, params string[] secrets) => File.WriteAllTextAsync(
        path,
        JsonSerializer.Serialize(new { V100 = new { Turn = new { Users = new Dictionary<string, string> { [TurnClient.User] = password }, Secrets = secrets } } }));

    /// <summary>SIGHUP, and its good end.</summary>
    private static Task ReloadAsync(ServerProcess server, int count)
    {
        server.Signal("HUP");
        return Poll.UntilAsync(
            $"reload {count} is done", _limit, () => Task.FromResult(server.Log.Split("were read again:").Length == count + 1), () => server.Log);
    }

    /// <summary>Through the channel to the echoing peer and back.</summary>
    private static async Task AssertRelaysAsync(TurnClient client, string text)
    {
        byte[] payload = Encoding.ASCII.GetBytes(text);
        await client.SendChannelAsync(Channel, payload);
        byte[] back = await client.NextAsync() ?? throw new InvalidOperationException("The server ended the stream.");
        Assert.Equal(TurnClient.ChannelData(Channel, payload), back[..(4 + payload.Length)]);
    }

    private static async Task AssertBackAsync(ServerProcess server, Gauges start)
    {
        string difference = "";
        await Poll.UntilAsync(
            "every gauge is back where it began", _limit,
            async () => (difference = (await server.Api.GaugesAsync()).Difference(start)).Length == 0, () => $"{difference}\n{server.Log}");
    }
}
