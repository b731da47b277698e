using System.Text.Json;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;

namespace V100.Server.Tests.Media;

/// <summary>Quality over HTTP with real rooms; sessions are connected as their workers report it, and nothing is sent.</summary>
public sealed class QualityTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartWithMediaAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Participants_are_listed_with_what_they_publish_and_play_and_without_a_score_while_nothing_comes()
    {
        await JoinAsync("whip", "me", "pion-audio-video-sendonly");
        await JoinAsync("whep", "you", "pion-audio-video-recvonly");
        Connect();
        JsonElement list = (await _server.SendAsync("GET", $"/v1/rooms/a/qoe?since={Uri.EscapeDataString("2020-01-01T00:00:00+00:00")}", _server.JoinToken("me", "a"))).Json;
        Assert.Equal(_server.Time.GetUtcNow(), list.GetProperty("at").GetDateTimeOffset());
        JsonElement[] participants = [.. list.GetProperty("participants").EnumerateArray()];
        Assert.Equal(["me", "you"], participants.Select(participant => participant.GetProperty("identity").GetString()));
        JsonElement whip = Assert.Single(participants[0].GetProperty("sessions").EnumerateArray());
        JsonElement whep = Assert.Single(participants[1].GetProperty("sessions").EnumerateArray());
        Assert.Equal(["audio", "video"], KindsOf(whip.GetProperty("publications")));
        Assert.Equal(["audio", "video"], KindsOf(whep.GetProperty("subscriptions")));
        Assert.Equal(whip.GetProperty("publications").EnumerateArray().Select(stream => stream.GetProperty("trackId").GetString()).Order(), await TracksAsync());
        Assert.Empty(whep.GetProperty("series").EnumerateArray());
        Assert.DoesNotContain("score", list.GetRawText());

        Reply page = await _server.SendAsync("GET", "/v1/rooms/a/qoe?limit=1", "basic");
        Assert.Equal("me", Assert.Single(page.Json.GetProperty("participants").EnumerateArray()).GetProperty("identity").GetString());
        string next = page.Header("Link").Split('<', '>')[1];
        Assert.Equal("you", Assert.Single((await _server.SendAsync("GET", next, "basic")).Json.GetProperty("participants").EnumerateArray()).GetProperty("identity").GetString());
        Assert.DoesNotContain("series", page.Body);
    }

    [Fact]
    public async Task Beacons_are_taken_from_who_owns_the_session_and_shown_while_they_are_new()
    {
        string mine = await JoinAsync("whep", "me", "pion-audio-video-recvonly");
        string yours = await JoinAsync("whep", "you", "pion-audio-video-recvonly");
        Connect();
        string token = _server.JoinToken("me", "a");
        Assert.Equal(202, (await PostAsync(token, Beacon(mine, second: 0, frames: 0))).Code);
        Assert.False((await SessionAsync("me")).TryGetProperty("beacon", out _)); // One alone tells no difference.
        Assert.Equal(202, (await PostAsync(token, $"[{Beacon(mine, second: 5, frames: 120)}]")).Code);
        JsonElement beacon = (await SessionAsync("me")).GetProperty("beacon");
        Assert.Equal((24, 0.5, 0.25), (beacon.GetProperty("framesPerSecond").GetDouble(), beacon.GetProperty("lossFraction").GetDouble(), beacon.GetProperty("concealedFraction").GetDouble()));

        // A client that counts from 0 again, or whose clock went back, begins anew.
        Assert.Equal(202, (await PostAsync(token, Beacon(mine, second: 4, frames: 10))).Code);
        Assert.Equal(202, (await PostAsync(token, Beacon(mine, second: 9, frames: 60))).Code);
        Assert.Equal(10, (await SessionAsync("me")).GetProperty("beacon").GetProperty("framesPerSecond").GetDouble());

        (await PostAsync(token, $"[{Beacon(mine, 14, 200)},{Beacon(yours, 14, 200)}]")).Problem(403, "forbidden");
        Assert.Equal(202, (await PostAsync("basic", $"[{Beacon(mine, 15, 200)},{Beacon(yours, 15, 200)}]")).Code);
        JsonElement fault = (await PostAsync(token, $"[{Beacon(mine, 14, 200)},{Beacon(mine, 15, -1)}]")).Problem(400, "invalid-field");
        Assert.Equal("[1].framesDecoded", fault.GetProperty("field").GetString());
        (await PostAsync(token, $"[{string.Join(',', Enumerable.Repeat(Beacon(mine, 20, 300), 257))}]")).Problem(400, "invalid-field");
        Assert.Equal(200, (await _server.SendAsync("DELETE", "/v1/sessions/" + mine, token)).Code);
        (await PostAsync(token, Beacon(mine, 20, 300))).Problem(404, "session-not-found");
    }

    private static string Beacon(string session, int second, int frames) =>
        $$"""{"session":"{{session}}","at":"2030-01-01T00:00:{{second:00}}Z","framesDecoded":{{frames}},"packetsReceived":{{second}},"packetsLost":{{second}},"concealedSamples":{{second * 12_000}},"totalSamples":{{second * 48_000}}}""";

    private Task<Reply> PostAsync(string token, string body) => _server.SendAsync("POST", "/v1/beacons", token, body);

    private async Task<JsonElement> SessionAsync(string identity) => (await _server.SendAsync("GET", "/v1/rooms/a/qoe", "basic")).Json.GetProperty("participants").EnumerateArray()
        .Single(participant => participant.GetProperty("identity").GetString() == identity).GetProperty("sessions")[0];

    private async Task<IEnumerable<string?>> TracksAsync() => (await _server.SendAsync("GET", "/v1/rooms/a/participants/me", "basic")).Json.GetProperty("tracks").EnumerateArray()
        .Select(track => track.GetProperty("id").GetString()).Order();

    private static IEnumerable<string?> KindsOf(JsonElement streams) => streams.EnumerateArray().Select(stream => stream.GetProperty("kind").GetString()).Order();

    /// <summary>As the worker of every session would report it.</summary>
    private void Connect() => _server.Media.Use((rooms, now) =>
    {
        foreach (Session session in rooms.Sessions)
        {
            rooms.HandleEvent(new PeerEvent(PeerEventKind.Connected, session.Peer, PeerCloseReason.None), now);
        }

        return rooms;
    });

    private async Task<string> JoinAsync(string endpoint, string identity, string offer)
    {
        Reply joined = await _server.SendAsync(
            "POST", $"/v1/rooms/a/{endpoint}", _server.JoinToken(identity, "a"), File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Offers", offer + ".sdp")), "application/sdp");
        Assert.Equal(201, joined.Code);
        return joined.Header("Location").Split('/')[^1];
    }
}
