using System.Text.Json;
using V100.Server.Control;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;

namespace V100.Server.Tests.Media;

/// <summary>Changes of rooms, participants and tracks over real rooms; sessions are connected as their workers report it.</summary>
public sealed class ConferenceChangesTests : IAsyncLifetime
{
    private const string Participant = "/v1/rooms/a/participants/me";

    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartWithMediaAsync("--V100:Rooms:MaxPublishersPerRoom=2");

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_participant_is_renamed_and_null_takes_the_name_away()
    {
        await PublishAsync();
        JsonElement changed = (await PatchAsync("""{"name":"Me","metadata":"m"}""")).Json;
        Assert.Equal(("Me", "m"), (changed.GetProperty("name").GetString(), changed.GetProperty("metadata").GetString()));
        changed = (await PatchAsync("""{"name":null}""")).Json;
        Assert.False(changed.TryGetProperty("name", out _));
        Assert.Equal("m", changed.GetProperty("metadata").GetString());
        Assert.Equal(changed.GetRawText(), (await GetAsync()).GetRawText());
    }

    [Fact]
    public async Task Tracks_are_shown_muted_and_withdrawn_as_an_administrator_wants_it()
    {
        await PublishAsync();
        JsonElement[] tracks = [.. (await GetAsync()).GetProperty("tracks").EnumerateArray()];
        Assert.Equal(["camera", "microphone"], tracks.Select(track => track.GetProperty("source").GetString()!).Order());
        string camera = tracks.Single(track => track.GetProperty("source").GetString() == "camera").GetProperty("id").GetString()!;
        foreach (string path in new[] { $"{Participant}/tracks/{camera}/mute", $"/v1/rooms/a/tracks/{camera}/mute" })
        {
            Assert.True((await MuteAsync(path, true)).Json.GetProperty("muted").GetBoolean());
            Assert.Equal([camera], Muted(await GetAsync()));
            Assert.False((await MuteAsync(path, false)).Json.GetProperty("muted").GetBoolean());
            Assert.Empty(Muted(await GetAsync()));
        }

        (await MuteAsync($"/v1/rooms/a/participants/you/tracks/{camera}/mute", true)).Problem(404, "track-not-found");
        (await MuteAsync($"/v1/rooms/b/tracks/{camera}/mute", true)).Problem(404, "track-not-found");

        JsonElement changed = (await PatchAsync("""{"permissions":{"canPublishSources":["microphone"]}}""")).Json;
        Assert.Equal("microphone", Assert.Single(changed.GetProperty("tracks").EnumerateArray()).GetProperty("source").GetString());
        (await MuteAsync($"{Participant}/tracks/{camera}/mute", true)).Problem(404, "track-not-found");
        Assert.Equal(2, (await PatchAsync("""{"permissions":{"canPublishSources":null}}""")).Json.GetProperty("tracks").GetArrayLength());
        Assert.Empty((await PatchAsync("""{"permissions":{"canPublish":false}}""")).Json.GetProperty("tracks").EnumerateArray());
        Assert.Equal(0, (await _server.SendAsync("GET", "/v1/rooms/a", "basic")).Json.GetProperty("publisherCount").GetInt32());
    }

    [Fact]
    public async Task What_an_administrator_set_holds_against_tokens_until_the_participant_has_left()
    {
        await PublishAsync();
        await PatchAsync("""{"permissions":{"canPublish":false,"canSubscribe":false}}""");
        (await OfferAsync("whip", "me", "pion-audio-video-sendonly")).Problem(403, "not-permitted");
        (await OfferAsync("whep", "me", "pion-audio-video-recvonly")).Problem(403, "not-permitted");
        Assert.False((await GetAsync()).GetProperty("permissions").GetProperty("canPublish").GetBoolean());

        // Null: what its tokens grant, at once.
        JsonElement given = (await PatchAsync("""{"permissions":null}""")).Json;
        Assert.True(given.GetProperty("permissions").GetProperty("canSubscribe").GetBoolean());
        Assert.Equal(2, given.GetProperty("tracks").GetArrayLength());

        await PatchAsync("""{"permissions":{"canPublish":false}}""");
        Assert.Equal(204, (await _server.SendAsync("DELETE", Participant, "basic")).Code);
        Assert.Equal(201, (await OfferAsync("whip", "me", "pion-audio-video-sendonly")).Code);
        Assert.True((await GetAsync()).GetProperty("permissions").GetProperty("canPublish").GetBoolean());
    }

    [Fact]
    public async Task Two_tokens_of_one_participant_grant_together()
    {
        string plays = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanPublish = false });
        string publishes = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanSubscribe = false, CanPublishSources = ["screen_share", "screen_share_audio"] });
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whep", plays, Offer("pion-audio-video-recvonly"), "application/sdp")).Code);
        Assert.False((await GetAsync()).GetProperty("permissions").GetProperty("canPublish").GetBoolean());
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whip", publishes, Offer("pion-audio-video-sendonly"), "application/sdp")).Code);
        Connect();
        JsonElement both = await GetAsync();
        Assert.Equal((true, true), (both.GetProperty("permissions").GetProperty("canPublish").GetBoolean(), both.GetProperty("permissions").GetProperty("canSubscribe").GetBoolean()));
        Assert.Equal(["screen_share", "screen_share_audio"], both.GetProperty("tracks").EnumerateArray().Select(track => track.GetProperty("source").GetString()!).Order());
    }

    [Fact]
    public async Task A_change_under_If_Match_is_made_once()
    {
        await PublishAsync();
        string tag = (await GetAsync()).GetProperty("entityTag").GetString()!;
        Reply first = await PatchAsync("""{"name":"one"}""", "If-Match", tag);
        Assert.Equal((200, first.Json.GetProperty("entityTag").GetString()), (first.Code, first.Header("ETag")));
        (await PatchAsync("""{"name":"two"}""", "If-Match", tag)).Problem(412, "stale-entity-tag");
        (await PatchAsync("""{"name":"two"}""", "If-Match", "W/" + first.Header("ETag"))).Problem(412, "stale-entity-tag");
        (await _server.SendAsync("DELETE", Participant, "basic", null, "", "If-Match", tag)).Problem(412, "stale-entity-tag");
        Assert.Equal("one", (await GetAsync()).GetProperty("name").GetString());
        Assert.Equal(200, (await PatchAsync("""{"name":"two"}""", "If-Match", $"\"x\", {first.Header("ETag")}")).Code);
        Assert.Equal(200, (await PatchAsync("""{"name":"three"}""", "If-Match", "*")).Code);

        // A mute is a change of it, too.
        Reply before = await _server.SendAsync("GET", Participant, "basic");
        await MuteAsync($"{Participant}/tracks/{before.Json.GetProperty("tracks")[0].GetProperty("id").GetString()}/mute", true);
        Assert.NotEqual(before.Header("ETag"), (await _server.SendAsync("GET", Participant, "basic")).Header("ETag"));
    }

    [Fact]
    public async Task A_room_is_changed_under_If_Match_and_a_smaller_bound_sends_nobody_away()
    {
        await PublishAsync();
        Assert.Equal(201, (await OfferAsync("whep", "you", "pion-audio-video-recvonly")).Code);
        Reply room = await _server.SendAsync("GET", "/v1/rooms/a", "basic");
        Reply changed = await _server.SendAsync("PATCH", "/v1/rooms/a", "basic", """{"maxParticipants":1,"emptyTimeoutSeconds":7,"metadata":"m"}""", "application/json", "If-Match", room.Header("ETag"));
        Assert.Equal((200, 1, 7, "m", 2), (changed.Code, changed.Json.GetProperty("maxParticipants").GetInt32(), changed.Json.GetProperty("emptyTimeoutSeconds").GetInt32(),
            changed.Json.GetProperty("metadata").GetString(), changed.Json.GetProperty("participantCount").GetInt32()));
        (await OfferAsync("whep", "they", "pion-audio-video-recvonly")).Problem(409, "room-full");
        (await _server.SendAsync("PATCH", "/v1/rooms/a", "basic", "{}", "application/json", "If-Match", room.Header("ETag"))).Problem(412, "stale-entity-tag");
        (await _server.SendAsync("DELETE", "/v1/rooms/a", "basic", null, "", "If-Match", room.Header("ETag"))).Problem(412, "stale-entity-tag");
        Reply lifted = await _server.SendAsync("PATCH", "/v1/rooms/a", "basic", """{"maxParticipants":null,"metadata":null}""");
        Assert.Equal((3000, 7, false), (lifted.Json.GetProperty("maxParticipants").GetInt32(), lifted.Json.GetProperty("emptyTimeoutSeconds").GetInt32(), lifted.Json.TryGetProperty("metadata", out _)));
        Assert.Equal(201, (await OfferAsync("whep", "they", "pion-audio-video-recvonly")).Code);
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/a", "basic", null, "", "If-Match", lifted.Header("ETag"))).Code);
    }

    [Fact]
    public async Task The_bound_of_publishers_names_its_key_and_lets_players_and_publishers_again_in()
    {
        Assert.Equal(201, (await OfferAsync("whip", "me", "pion-audio-video-sendonly")).Code);
        Assert.Equal(201, (await OfferAsync("whip", "you", "pion-audio-video-sendonly")).Code);
        JsonElement problem = (await OfferAsync("whip", "they", "pion-audio-video-sendonly")).Problem(409, "too-many-publishers");
        Assert.Contains("2 publishers, which is the limit (V100:Rooms:MaxPublishersPerRoom)", problem.GetProperty("detail").GetString());
        Assert.Equal(201, (await OfferAsync("whep", "they", "pion-audio-video-recvonly")).Code);
        Assert.Equal(201, (await OfferAsync("whip", "you", "pion-audio-video-sendonly")).Code);
    }

    private async Task PublishAsync()
    {
        Assert.Equal(201, (await OfferAsync("whip", "me", "pion-audio-video-sendonly")).Code);
        Connect();
    }

    /// <summary>As the worker of every session would report it.</summary>
    private void Connect() => _server.Media.Use((rooms, now) =>
    {
        foreach (Session session in rooms.Sessions)
        {
            rooms.HandleEvent(new PeerEvent(PeerEventKind.Connected, session.Peer, PeerCloseReason.None), now);
        }

        return rooms;
    });

    private async Task<JsonElement> GetAsync() => (await _server.SendAsync("GET", Participant, "basic")).Json;

    private Task<Reply> PatchAsync(string body, params string[] headers) => _server.SendAsync("PATCH", Participant, "basic", body, "application/json", headers);

    private Task<Reply> MuteAsync(string path, bool muted) => _server.SendAsync("POST", path, "basic", muted ? """{"muted":true}""" : """{"muted":false}""");

    private Task<Reply> OfferAsync(string endpoint, string identity, string offer) =>
        _server.SendAsync("POST", $"/v1/rooms/a/{endpoint}", _server.JoinToken(identity, "a"), Offer(offer), "application/sdp");

    private static string Offer(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Offers", name + ".sdp"));

    private static IEnumerable<string> Muted(JsonElement participant) => participant.GetProperty("tracks").EnumerateArray()
        .Where(track => track.GetProperty("muted").GetBoolean()).Select(track => track.GetProperty("id").GetString()!);
}
