namespace V100.EndToEnd.Tests;

/// <summary>Calls of browsers that may reach nothing but the server's own TURN relay: media are handed over inside of the process.</summary>
public sealed class RelayedCallTests
{
    private static readonly ClientOptions _small = new() { Width = 320, Height = 180, FramesPerSecond = 15 };

    [Theory]
    [InlineData("udp")]
    [InlineData("tcp")]
    public async Task Chromium_publishes_and_plays_through_the_relay_alone(string transport)
    {
        await using ServerProcess server = await ServerProcess.StartAsync("--V100:Rooms:EmptyTimeoutSeconds=1", "--V100:PublicAddresses:0=127.0.0.1");
        Gauges start = await server.Api.GaugesAsync();
        await using Call call = await Call.StartAsync(server, "relayed", ClientKind.Chromium, ClientKind.Chromium, _small with { Relay = transport });
        await AssertRelayedAsync(server, call, transport);
        Assert.Equal(200, await call.Player.StopAsync());
        Assert.Equal(200, await call.Publisher.StopAsync());
        await Poll.UntilAsync(
            "every gauge is back where it began", TimeSpan.FromSeconds(15),
            async () => (await server.Api.GaugesAsync()).Difference(start).Length == 0, () => server.Log);
    }

    [Theory]
    [InlineData("udp")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public async Task Firefox_and_Chromium_publish_and_play_through_the_relay_alone(string transport)
    {
        using NetworkNamespaces network = new();
        network.Name(CertificateAuthority.HostName);
        using CertificateAuthority authority = new();
        await using ServerProcess server = await ServerProcess.StartAsync(network, authority.ServerArguments);
        ClientOptions options = _small with { Relay = transport, Namespace = network.Clients, Authority = authority.AuthorityPath };
        await using (Call call = await Call.StartAsync(server, "relayed", ClientKind.Firefox, ClientKind.Chromium, options))
        {
            await AssertRelayedAsync(server, call, transport);
        }

        await using (Call call = await Call.StartAsync(server, "relayed-2", ClientKind.Chromium, ClientKind.Firefox, options with { Codec = "vp8" }, options))
        {
            await AssertRelayedAsync(server, call, transport);
        }
    }

    private static async Task AssertRelayedAsync(ServerProcess server, Call call, string transport)
    {
        await call.AssertPlaysAsync();
        foreach (ClientProcess client in (ClientProcess[])[call.Publisher, call.Player])
        {
            Assert.Equal("relay", client.Text("localType"));
            Assert.Equal(transport, client.Text("relayProtocol"));
        }

        // Nothing went out to come back in.
        Assert.True(await server.Api.MetricAsync("v100_turn_total{kind=\"to_own_media\"}") > 0);
        Assert.Equal(0, await server.Api.MetricAsync("v100_turn_total{kind=\"channel_data_to_peer\"}"));
    }
}
