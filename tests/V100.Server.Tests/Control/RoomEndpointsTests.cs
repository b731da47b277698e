using System.Text.Json;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class RoomEndpointsTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync("--V100:Rooms:MaxParticipantsPerRoom=50");

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_room_is_created_once_read_listed_and_deleted()
    {
        string admin = _server.AdminToken();
        Reply created = await _server.SendAsync("POST", "/v1/rooms", admin, """{"name":"town hall","maxParticipants":10,"emptyTimeoutSeconds":60,"metadata":"m"}""");
        Assert.Equal((201, "application/json", "/v1/rooms/town%20hall"), (created.Code, created.Type, created.Header("Location")));
        Assert.Equal(("town hall", 10, 60, "m"), (created.Json.GetProperty("name").GetString(), created.Json.GetProperty("maxParticipants").GetInt32(),
            created.Json.GetProperty("emptyTimeoutSeconds").GetInt32(), created.Json.GetProperty("metadata").GetString()));

        Reply again = await _server.SendAsync("POST", "/v1/rooms", admin, """{"name":"town hall"}""");
        Assert.Equal((200, 10), (again.Code, again.Json.GetProperty("maxParticipants").GetInt32()));

        Assert.Equal("town hall", (await _server.SendAsync("GET", created.Header("Location"), admin)).Json.GetProperty("name").GetString());
        Assert.Equal(1, (await _server.SendAsync("GET", "/v1/rooms", admin)).Json.GetProperty("rooms").GetArrayLength());
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/town%20hall", admin)).Code);
        (await _server.SendAsync("DELETE", "/v1/rooms/town%20hall", admin)).Problem(404, "room-not-found");
        (await _server.SendAsync("GET", "/v1/rooms/town%20hall", admin)).Problem(404, "room-not-found");
    }

    [Theory]
    [InlineData("""{}""", "name", "1 to 128 characters")]
    [InlineData("""{"name":""}""", "name", "1 to 128 characters")]
    [InlineData("""{"name":7}""", "name", "1 to 128 characters")]
    [InlineData("""{"name":"a\u0000b"}""", "name", "control character")]
    [InlineData("""{"name":".."}""", "name", "\"..\"")]
    [InlineData("""{"name":"\udc00"}""", "name", "1 to 128 characters")]
    [InlineData("""{"name":"a","maxParticipants":0}""", "maxParticipants", "from 1 to 50")]
    [InlineData("""{"name":"a","maxParticipants":51}""", "maxParticipants", "from 1 to 50")]
    [InlineData("""{"name":"a","maxParticipants":1.5}""", "maxParticipants", "whole number")]
    [InlineData("""{"name":"a","emptyTimeoutSeconds":"1"}""", "emptyTimeoutSeconds", "whole number")]
    [InlineData("""{"name":"a","metadata":[]}""", "metadata", "string")]
    [InlineData("""{"name":"a","colour":"red"}""", "colour", "emptyTimeoutSeconds, maxParticipants, metadata, name")]
    [InlineData("""{"name":"a","name":"b"}""", "name", "once")]
    [InlineData("""["a"]""", "", "JSON object")]
    [InlineData("""{"name":""", "", "JSON object")]
    [InlineData("", "", "JSON object")]
    public async Task A_bad_field_is_named_with_what_is_allowed(string body, string field, string allowed)
    {
        JsonElement problem = (await _server.SendAsync("POST", "/v1/rooms", "basic", body)).Problem(400, "invalid-field");
        Assert.Equal(field, problem.GetProperty("field").GetString());
        Assert.Contains(allowed, problem.GetProperty("allowed").GetString());
    }

    [Fact]
    public async Task A_name_counts_characters_and_not_code_units()
    {
        string longest = string.Concat(Enumerable.Repeat("🎥", 128));
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms", "basic", $$"""{"name":"{{longest}}"}""")).Code);
        (await _server.SendAsync("POST", "/v1/rooms", "basic", $$"""{"name":"{{longest}}x"}""")).Problem(400, "invalid-field");
    }

    [Fact]
    public async Task A_slash_in_a_name_and_its_escape_are_two_rooms()
    {
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a/b","metadata":"slash"}""");
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a%2Fb","metadata":"letters"}""");
        Assert.Equal("slash", await MetadataAsync("/v1/rooms/a%2Fb"));
        Assert.Equal("slash", await MetadataAsync("/v1/rooms/a%2fb?x=/"));
        Assert.Equal("letters", await MetadataAsync("/v1/rooms/a%252Fb"));
        Assert.Equal(200, (await _server.SendAsync("GET", "/v1/rooms/a%2Fb/participants", "basic")).Code);

        async Task<string?> MetadataAsync(string path) => (await _server.SendAsync("GET", path, "basic")).Json.GetProperty("metadata").GetString();
    }

    [Fact]
    public async Task The_bound_of_rooms_is_answered_with_429_that_names_it()
    {
        _server.Conference.MaxRooms = 0;
        Reply refused = await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a"}""");
        Assert.Contains("V100:Rooms:MaxRooms", refused.Problem(429, "too-many-rooms").GetProperty("detail").GetString());
        Assert.NotEmpty(refused.Header("Retry-After"));
    }

    [Fact]
    public async Task Grants_are_checked_on_every_endpoint()
    {
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a"}""");
        string nothing = _server.Token("me", new VideoGrant());
        string join = _server.JoinToken("me", "a");
        string elsewhere = _server.JoinToken("me", "b");
        string adminElsewhere = _server.AdminToken("b");
        foreach (string token in new[] { nothing, elsewhere, adminElsewhere })
        {
            foreach (string path in new[] { "/v1/rooms/a", "/v1/rooms/a/participants", "/v1/rooms/a/participants/x" })
            {
                (await _server.SendAsync("GET", path, token)).Problem(403, "forbidden");
            }
        }

        Assert.Equal(200, (await _server.SendAsync("GET", "/v1/rooms/a", join)).Code);
        Assert.Equal(200, (await _server.SendAsync("GET", "/v1/rooms/a/participants", join)).Code);
        foreach (string token in new[] { nothing, join, adminElsewhere })
        {
            (await _server.SendAsync("DELETE", "/v1/rooms/a", token)).Problem(403, "forbidden");
            (await _server.SendAsync("DELETE", "/v1/rooms/a/participants/x", token)).Problem(403, "forbidden");
            (await _server.SendAsync("POST", "/v1/rooms", token, """{"name":"a"}""")).Problem(403, "forbidden");
        }

        (await _server.SendAsync("GET", "/v1/rooms", join)).Problem(403, "forbidden");
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/a", _server.AdminToken("a"))).Code);
    }

    [Fact]
    public async Task Participants_are_shown_with_their_tracks_and_removed()
    {
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a"}""");
        TrackView track = new("t1", "video", "camera", "VP8", false, [new LayerView("q", 320, 180, 150_000, 15, true)]);
        _server.Conference.Participants[("a", "zoë")] = Participant("zoë", track);

        JsonElement list = (await _server.SendAsync("GET", "/v1/rooms/a/participants", "basic")).Json.GetProperty("participants");
        JsonElement one = (await _server.SendAsync("GET", "/v1/rooms/a/participants/zo%C3%AB", "basic")).Json;
        Assert.Equal(list[0].GetRawText(), one.GetRawText());
        JsonElement layer = one.GetProperty("tracks")[0].GetProperty("layers")[0];
        Assert.Equal(("q", 320, 150_000, true), (layer.GetProperty("rid").GetString(), layer.GetProperty("width").GetInt32(), layer.GetProperty("bitrateBps").GetInt64(), layer.GetProperty("wanted").GetBoolean()));

        (await _server.SendAsync("GET", "/v1/rooms/a/participants/nobody", "basic")).Problem(404, "participant-not-found");
        (await _server.SendAsync("GET", "/v1/rooms/b/participants/nobody", "basic")).Problem(404, "room-not-found");
        (await _server.SendAsync("DELETE", "/v1/rooms/a/participants/zo%C3%AB?ban=maybe", "basic")).Problem(400, "invalid-field");
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/a/participants/zo%C3%AB?ban=true", "basic")).Code);
        Assert.Equal(("a", "zoë", true), Assert.Single(_server.Conference.Removed));
        (await _server.SendAsync("DELETE", "/v1/rooms/a/participants/zo%C3%AB", "basic")).Problem(404, "participant-not-found");
    }

    [Fact]
    public async Task A_name_in_the_path_that_is_none_is_a_400()
    {
        JsonElement problem = (await _server.SendAsync("GET", "/v1/rooms/a%07b", "basic")).Problem(400, "invalid-field");
        Assert.Equal("room", problem.GetProperty("field").GetString());
        (await _server.SendAsync("GET", "/v1/rooms/" + new string('a', 129), "basic")).Problem(400, "invalid-field");
    }

    [Fact]
    public async Task A_fault_of_the_server_is_a_500_without_its_text()
    {
        _server.Conference.Throws = true;
        JsonElement problem = (await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a"}""")).Problem(500, "internal");
        Assert.DoesNotContain("as the test wants", problem.GetRawText());
    }

    private static ParticipantView Participant(string identity, params TrackView[] tracks) => new(
        identity, identity.ToUpperInvariant(), null, DateTimeOffset.UnixEpoch, new PermissionView(true, true, true, VideoGrant.Sources), tracks, "\"1\"");
}
