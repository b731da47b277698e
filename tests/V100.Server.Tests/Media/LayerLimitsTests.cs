using System.Text.Json;

namespace V100.Server.Tests.Media;

/// <summary>Limits over real rooms and workers; no client connects.</summary>
public sealed class LayerLimitsTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartWithMediaAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Limits_stay_until_they_are_lifted_one_by_one()
    {
        string player = await JoinAsync("whep", "you", "chromium-audio-video-recvonly");
        Assert.Equal("""{"limits":[{"maxPlace":1,"maxBitrateBps":300000,"paused":false}]}""", (await PatchAsync(player, """{"maxLayer":1,"maxBitrate":300000}""")).Body);
        Assert.Equal("""{"limits":[{"maxPlace":1,"maxBitrateBps":300000,"width":640,"height":360,"paused":true}]}""",
            (await PatchAsync(player, """{"paused":true,"width":640,"height":360}""")).Body);
        Assert.Equal("""{"limits":[{"maxLayer":"m","width":640,"height":360,"paused":false}]}""", (await PatchAsync(player, """{"maxLayer":"m","maxBitrate":null,"paused":false}""")).Body);
        Assert.Equal("""{"limits":[{"paused":false}]}""", (await PatchAsync(player, """{"maxLayer":null,"width":null,"height":null}""")).Body);
    }

    [Fact]
    public async Task A_session_that_is_sent_no_video_is_a_409()
    {
        string publisher = await JoinAsync("whip", "me", "chromium-audio-video-sendonly");
        (await PatchAsync(publisher, """{"paused":true}""")).Problem(409, "plays-nothing");
    }

    [Fact]
    public async Task A_track_that_is_not_played_is_a_422_that_names_those_that_are()
    {
        string player = await JoinAsync("whep", "you", "chromium-audio-video-recvonly");
        JsonElement problem = (await PatchAsync(player, """{"trackId":"TR_none","paused":true}""")).Problem(422, "track-not-played");
        Assert.Equal("trackId", problem.GetProperty("field").GetString());
        (await PatchAsync("/v1/sessions/00000000000000000000000000000000", "{}")).Problem(404, "session-not-found");
    }

    private async Task<string> JoinAsync(string endpoint, string identity, string offer)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Offers", offer + ".sdp"));
        Reply created = await _server.SendAsync("POST", $"/v1/rooms/a/{endpoint}", _server.JoinToken(identity, "a"), text, "application/sdp");
        Assert.Equal(201, created.Code);
        return created.Header("Location");
    }

    private Task<Reply> PatchAsync(string session, string body) => _server.SendAsync("PATCH", session + "/layer", "basic", body);
}
