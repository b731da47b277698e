using System.Net;

namespace V100.EndToEnd.Tests;

/// <summary>
/// How sessions end, and what they live through. After each end the gauges of /metrics are what they were before the first session:
/// no session, peer, track, socket or buffer stays behind.
/// </summary>
public sealed class LifecycleTests
{
    private const string Room = "life";

    // Consent expires after 30 s (RFC 7675, 5.1); the rest is for the room, which outlives its last session by a second.
    private static readonly TimeSpan _consentLimit = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan _cleanupLimit = TimeSpan.FromSeconds(10);
    private static readonly ClientOptions _small = new() { Width = 320, Height = 180, FramesPerSecond = 15 };

    [Fact]
    public async Task A_client_that_is_killed_and_restarted_is_seen_again_and_leaves_nothing()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using Call call = await CallAsync(server);
        await call.AssertPlaysAsync();
        await call.Publisher.DieAsync();
        await using ClientProcess again = ClientProcess.Publish(
            ClientKind.Chromium, server.ClientUrl, Room, await server.Api.TokenAsync(Room, "publisher"), _small);
        await again.JoinedAsync();
        await call.AssertPlaysAsync();
        Assert.Equal(200, await again.StopAsync());
        Assert.Equal(200, await call.Player.StopAsync());
        await AssertBackAtAsync(server, start, _consentLimit);
    }

    [Fact]
    public async Task A_client_that_vanishes_loses_consent_and_leaves_nothing()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using Call call = await CallAsync(server);
        await call.AssertPlaysAsync();
        await Task.WhenAll(call.Player.DieAsync(), call.Publisher.DieAsync());
        await AssertBackAtAsync(server, start, _consentLimit);
        Assert.Equal(HttpStatusCode.NotFound, await server.Api.StatusAsync(call.PublisherSession));
    }

    [Fact]
    public async Task An_ICE_restart_by_PATCH_goes_on_with_the_same_media()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using Call call = await CallAsync(server);
        await call.AssertPlaysAsync();
        foreach (ClientProcess client in (ClientProcess[])[call.Publisher, call.Player])
        {
            string before = client.Text("ufrag");
            client.Command("restart");
            await client.WaitAsync("an ICE restart", TimeSpan.FromSeconds(10), () => client.Last("restarted") is not null);
            await client.WaitAsync(
                "a pair with the new credentials", TimeSpan.FromSeconds(15), () => client.Text("ufrag") != before && client.Text("state") == "connected");
            await call.AssertPlaysAsync();
        }

        await StopAsync(call);
        await AssertBackAtAsync(server, start, _cleanupLimit);
    }

    [Fact]
    public async Task A_changed_client_port_goes_on_with_the_same_media()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        using RebindingRelay before = new(server.UdpPort);
        using RebindingRelay after = new(server.UdpPort);
        await using Call call = await Call.StartAsync(
            server, Room, ClientKind.Chromium, ClientKind.Chromium, _small with { Candidate = before.Candidate }, _small with { Candidate = after.Candidate });
        await call.AssertPlaysAsync();
        before.Rebind();
        await call.AssertPlaysAsync();
        after.Rebind();
        await call.AssertPlaysAsync();
        await StopAsync(call);
        await AssertBackAtAsync(server, start, _cleanupLimit);
    }

    [Fact]
    public async Task DELETE_of_a_session_ends_it_and_leaves_the_other()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using Call call = await CallAsync(server);
        await call.AssertPlaysAsync();
        Assert.Equal(HttpStatusCode.OK, await server.Api.StatusAsync(call.PlayerSession));
        Assert.Equal(HttpStatusCode.OK, await server.Api.DeleteSessionAsync(call.PlayerSession));
        Assert.Equal(HttpStatusCode.NotFound, await server.Api.StatusAsync(call.PlayerSession));
        Assert.Equal(HttpStatusCode.NotFound, await server.Api.DeleteSessionAsync(call.PlayerSession));
        Assert.Equal(HttpStatusCode.OK, await server.Api.StatusAsync(call.PublisherSession));
        Assert.Equal(HttpStatusCode.OK, await server.Api.DeleteSessionAsync(call.PublisherSession));
        await AssertBackAtAsync(server, start, _cleanupLimit);
    }

    [Fact]
    public async Task DELETE_of_a_room_ends_every_session_in_it()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using Call call = await CallAsync(server);
        await call.AssertPlaysAsync();
        HttpStatusCode status = await server.Api.DeleteRoomAsync(Room);
        Assert.True(status is HttpStatusCode.OK or HttpStatusCode.NoContent, $"DELETE of the room: {status}");
        Assert.Equal(HttpStatusCode.NotFound, await server.Api.StatusAsync(call.PublisherSession));
        Assert.Equal(HttpStatusCode.NotFound, await server.Api.StatusAsync(call.PlayerSession));
        await AssertBackAtAsync(server, start, _cleanupLimit);
    }

    [Fact]
    public async Task SIGTERM_in_a_call_lets_it_go_on_and_ends_with_its_last_session()
    {
        await using ServerProcess server = await StartAsync();
        await using Call call = await CallAsync(server);
        await call.AssertPlaysAsync();
        server.Signal("TERM");
        await Poll.UntilAsync(
            "the server says that it drains", TimeSpan.FromSeconds(5),
            async () => await server.Api.StatusAsync("/readyz") == HttpStatusCode.ServiceUnavailable, () => server.Log);
        await call.AssertPlaysAsync();
        await StopAsync(call);
        await Poll.UntilAsync("the server ends after the last session", _cleanupLimit, () => Task.FromResult(server.HasExited), () => server.Log);
        Assert.Equal(0, server.ExitCode);
    }

    [Fact]
    public async Task A_second_SIGTERM_ends_a_call_at_once()
    {
        await using ServerProcess server = await StartAsync();
        await using Call call = await CallAsync(server);
        await call.AssertPlaysAsync();
        server.Signal("TERM");
        await Poll.UntilAsync(
            "the server says that it drains", TimeSpan.FromSeconds(5),
            async () => await server.Api.StatusAsync("/readyz") == HttpStatusCode.ServiceUnavailable, () => server.Log);
        Assert.True(await server.TerminateAsync(_cleanupLimit) < _cleanupLimit);
    }

    private static Task<ServerProcess> StartAsync() => ServerProcess.StartAsync("--V100:Rooms:EmptyTimeoutSeconds=1");

    private static Task<Call> CallAsync(ServerProcess server)
        => Call.StartAsync(server, Room, ClientKind.Chromium, ClientKind.Chromium, _small);

    private static async Task StopAsync(Call call)
    {
        Assert.Equal(200, await call.Player.StopAsync());
        Assert.Equal(200, await call.Publisher.StopAsync());
    }

    private static async Task AssertBackAtAsync(ServerProcess server, Gauges start, TimeSpan limit)
    {
        string difference = "";
        await Poll.UntilAsync(
            "every gauge is back where it began", limit,
            async () => (difference = (await server.Api.GaugesAsync()).Difference(start)).Length == 0,
            () => $"{difference}\n{server.Log}");
    }
}
