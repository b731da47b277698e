namespace V100.Server.Tests;

public sealed class ServerLifetimeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task SIGTERM_without_sessions_ends_at_once()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using ServerLifetime lifetime = new(server.Host);
        Task run = lifetime.RunAsync();
        Assert.False(run.IsCompleted);
        lifetime.Terminate();
        await run.WaitAsync(Patience);
        Assert.True(server.Conference.ClosedAll);
        await Assert.ThrowsAsync<HttpRequestException>(() => server.SendAsync("GET", "/healthz"));
    }

    [Fact]
    public async Task SIGTERM_waits_for_the_last_session()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        string token = server.JoinToken("me", "a");
        string session = (await server.SendAsync("POST", "/v1/rooms/a/whip", token, "v=0", "application/sdp")).Header("Location");
        using ServerLifetime lifetime = new(server.Host);
        Task run = lifetime.RunAsync();
        lifetime.Terminate();
        (await server.SendAsync("GET", "/readyz")).Problem(503, "draining");
        server.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await server.SendAsync("GET", session, token)).Code);
        Assert.False(run.IsCompleted);
        Assert.Equal(200, (await server.SendAsync("DELETE", session, token)).Code);
        await AdvanceUntilAsync(server, run);
    }

    [Fact]
    public async Task A_drain_ends_at_its_time_limit()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Drain:TimeoutSeconds=5");
        await server.SendAsync("POST", "/v1/rooms/a/whip", server.JoinToken("me", "a"), "v=0", "application/sdp");
        using ServerLifetime lifetime = new(server.Host);
        Task run = lifetime.RunAsync();
        DateTimeOffset begin = server.Time.GetUtcNow();
        lifetime.Terminate();
        await AdvanceUntilAsync(server, run);
        Assert.True(server.Time.GetUtcNow() - begin >= TimeSpan.FromSeconds(5));
        Assert.True(server.Conference.ClosedAll);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_second_SIGTERM_and_SIGINT_stop_at_once(bool terminate)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.SendAsync("POST", "/v1/rooms/a/whip", server.JoinToken("me", "a"), "v=0", "application/sdp");
        using ServerLifetime lifetime = new(server.Host);
        Task run = lifetime.RunAsync();
        if (terminate)
        {
            lifetime.Terminate();
            lifetime.Terminate();
        }
        else
        {
            lifetime.StopNow();
        }

        await run.WaitAsync(Patience);
        Assert.True(server.Conference.ClosedAll);
    }

    /// <summary>Moves the clock in small steps until the run ends.</summary>
    private static async Task AdvanceUntilAsync(RunningServer server, Task run)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!run.IsCompleted)
        {
            patience.Token.ThrowIfCancellationRequested();
            server.Time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        await run;
    }
}
