using System.Text.Json;
using System.Text.RegularExpressions;
using V100.Server.Control;

namespace V100.Server.Tests.Media;

/// <summary>The HTTP surface over real rooms and workers, with the offers of real clients; no client connects.</summary>
public sealed class SfuConferenceTests : IAsyncLifetime
{
    private const string Sdp = "application/sdp";
    private const string Fragment = "application/trickle-ice-sdpfrag";

    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartWithMediaAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public static TheoryData<string, string> Offers()
    {
        TheoryData<string, string> offers = [];
        foreach (string file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Offers"), "*.sdp").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            if (!name.EndsWith("data-only", StringComparison.Ordinal))
            {
                offers.Add(name, name.Contains("recvonly", StringComparison.Ordinal) ? "whep" : "whip");
            }
        }

        return offers;
    }

    [Theory]
    [MemberData(nameof(Offers))]
    public async Task The_offer_of_every_client_gets_a_session(string name, string endpoint)
    {
        string token = _server.JoinToken("me", "a");
        Reply created = await PostAsync(endpoint, token, Offer(name));
        Assert.True(created.Code == 201, created.Body);
        Assert.Equal(Sdp, created.Type);
        Assert.Contains("a=ice-lite", created.Body);
        Assert.Matches(@"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 \d+ typ host", created.Body);
        Assert.Matches("^/v1/sessions/[0-9a-f]{32}$", created.Header("Location"));
        Assert.Equal($"\"{Ufrag(created.Body)}\"", created.Header("ETag"));

        JsonElement session = (await _server.SendAsync("GET", created.Header("Location"), token)).Json;
        Assert.Equal(("a", "me", endpoint, "connecting"), (session.GetProperty("room").GetString(), session.GetProperty("identity").GetString(),
            session.GetProperty("kind").GetString(), session.GetProperty("state").GetString()));
        Assert.Equal("new", session.GetProperty("ice").GetProperty("state").GetString());
        Assert.Equal(200, (await _server.SendAsync("DELETE", created.Header("Location"), token)).Code);
        (await _server.SendAsync("GET", created.Header("Location"), token)).Problem(404, "session-not-found");
    }

    [Theory]
    [InlineData("v=0\r\nrubbish\r\n", "Line 2")]
    [InlineData("", "Line 1")]
    [InlineData("{}", "Line 1")]
    public async Task An_offer_that_is_no_SDP_is_a_400_that_names_the_line(string offer, string line)
    {
        JsonElement problem = (await PostAsync("whip", _server.JoinToken("me", "a"), offer)).Problem(400, "malformed-sdp");
        Assert.StartsWith(line, problem.GetProperty("detail").GetString());
        (await _server.SendAsync("GET", "/v1/rooms/a", "basic")).Problem(404, "room-not-found");
    }

    [Theory]
    [InlineData("chromium-data-only", "whip")]
    [InlineData("chromium-data-only", "whep")]
    [InlineData("chromium-audio-video-recvonly", "whip")]
    [InlineData("chromium-audio-video-sendonly", "whep")]
    public async Task An_offer_without_anything_to_serve_is_a_422(string name, string endpoint)
    {
        (await PostAsync(endpoint, _server.JoinToken("me", "a"), Offer(name))).Problem(422, "unacceptable-offer");
    }

    [Fact]
    public async Task An_ICE_restart_gives_new_credentials_and_a_new_tag_and_the_old_tag_is_stale()
    {
        string token = _server.JoinToken("me", "a");
        Reply created = await PostAsync("whip", token, Offer("chromium-ice-restart-1"));
        string location = created.Header("Location");
        string first = created.Header("ETag");
        string same = FragmentOf(Offer("chromium-ice-restart-1"));
        string other = FragmentOf(Offer("chromium-ice-restart-2"));
        Assert.NotEqual(same, other);

        // RFC 9725, 4.3.2: candidates of the session in force.
        Reply trickled = await PatchAsync(location, token, same, first);
        Assert.Equal((204, ""), (trickled.Code, trickled.Header("ETag")));

        Reply restarted = await PatchAsync(location, token, other, "*");
        Assert.Equal((200, Fragment), (restarted.Code, restarted.Type));
        Assert.NotEqual(first, restarted.Header("ETag"));
        Assert.Equal($"\"{Ufrag(restarted.Body)}\"", restarted.Header("ETag"));
        Assert.Contains("a=ice-pwd:", restarted.Body);
        Assert.Contains("a=candidate:", restarted.Body);

        (await PatchAsync(location, token, same, first)).Problem(412, "stale-ice-session");
        Assert.Equal(204, (await PatchAsync(location, token, other, restarted.Header("ETag"))).Code);
        (await PatchAsync(location, token, "a=ice-ufrag:x y\r\na=ice-pwd:short\r\n", "*")).Problem(400, "malformed-fragment");
        (await PatchAsync("/v1/sessions/00000000000000000000000000000000", token, same, "*")).Problem(404, "session-not-found");
        (await PatchAsync("/v1/sessions/zz", token, same, "*")).Problem(404, "session-not-found");
    }

    [Fact]
    public async Task A_room_comes_with_its_first_session_and_deleting_it_ends_them_all()
    {
        Reply publishing = await PostAsync("whip", _server.JoinToken("me", "a"), Offer("firefox-audio-video-sendonly"));
        Reply playing = await PostAsync("whep?participant=me", _server.JoinToken("you", "a"), Offer("firefox-audio-video-recvonly"));
        Assert.Equal((201, 201), (publishing.Code, playing.Code));
        JsonElement room = (await _server.SendAsync("GET", "/v1/rooms/a", "basic")).Json;
        Assert.Equal((2, 0, 3000), (room.GetProperty("participantCount").GetInt32(), room.GetProperty("publisherCount").GetInt32(), room.GetProperty("maxParticipants").GetInt32()));
        JsonElement participants = (await _server.SendAsync("GET", "/v1/rooms/a/participants", "basic")).Json.GetProperty("participants");
        Assert.Equal(["me", "you"], participants.EnumerateArray().Select(one => one.GetProperty("identity").GetString()!).Order(StringComparer.Ordinal));

        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/a", "basic")).Code);
        (await _server.SendAsync("GET", publishing.Header("Location"), "basic")).Problem(404, "session-not-found");
        (await _server.SendAsync("GET", playing.Header("Location"), "basic")).Problem(404, "session-not-found");
        Reply metrics = await _server.SendAsync("GET", "/metrics");
        foreach (string gauge in new[] { "v100_sessions", "v100_rooms", "v100_peers", "v100_peer_ufrags", "v100_packet_buffers" })
        {
            Assert.Contains($"\n{gauge} 0\n", metrics.Body);
        }
    }

    [Fact]
    public async Task Publishing_again_ends_the_session_before()
    {
        string token = _server.JoinToken("me", "a");
        Reply first = await PostAsync("whip", token, Offer("pion-audio-video-sendonly"));
        Reply second = await PostAsync("whip", token, Offer("pion-audio-video-sendonly"));
        (await _server.SendAsync("GET", first.Header("Location"), token)).Problem(404, "session-not-found");
        Assert.Equal(200, (await _server.SendAsync("GET", second.Header("Location"), token)).Code);
    }

    [Fact]
    public async Task A_removed_participant_may_come_back_and_a_banned_one_not()
    {
        string token = _server.JoinToken("me", "a");
        Reply session = await PostAsync("whip", token, Offer("pion-audio-video-sendonly"));
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/a/participants/me", "basic")).Code);
        (await _server.SendAsync("GET", session.Header("Location"), token)).Problem(404, "session-not-found");
        Assert.Equal(201, (await PostAsync("whip", token, Offer("pion-audio-video-sendonly"))).Code);
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/a/participants/me?ban=true", "basic")).Code);
        (await PostAsync("whip", token, Offer("pion-audio-video-sendonly"))).Problem(403, "banned");
        (await PostAsync("whep", token, Offer("pion-audio-video-recvonly"))).Problem(403, "banned");
        Assert.Equal(201, (await PostAsync("whip", _server.JoinToken("you", "a"), Offer("pion-audio-video-sendonly"))).Code);
    }

    [Fact]
    public async Task Bounds_of_rooms_and_participants_hold()
    {
        await using RunningServer server = await RunningServer.StartWithMediaAsync("--V100:Rooms:MaxRooms=1", "--V100:Rooms:AutoCreate=false");
        string offer = Offer("pion-audio-video-sendonly");
        (await server.SendAsync("POST", "/v1/rooms/a/whip", server.JoinToken("me", "a"), offer, Sdp)).Problem(404, "room-not-found");
        Assert.Equal(201, (await server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a","maxParticipants":1}""")).Code);
        (await server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"b"}""")).Problem(429, "too-many-rooms");
        Assert.Equal(201, (await server.SendAsync("POST", "/v1/rooms/a/whip", server.JoinToken("me", "a"), offer, Sdp)).Code);
        JsonElement full = (await server.SendAsync("POST", "/v1/rooms/a/whip", server.JoinToken("you", "a"), offer, Sdp)).Problem(409, "room-full");
        Assert.Matches("limit is 1 .*V100:Rooms:MaxParticipantsPerRoom", full.GetProperty("detail").GetString());
        Assert.Equal(201, (await server.SendAsync("POST", "/v1/rooms/a/whep", server.JoinToken("me", "a"), Offer("pion-audio-video-recvonly"), Sdp)).Code);
    }

    [Fact]
    public async Task A_token_publishes_only_the_sources_that_it_names()
    {
        string microphone = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanPublishSources = ["microphone"] });
        string screen = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanPublishSources = ["screen_share", "screen_share_audio"] });
        string nothing = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanPublishSources = [] });
        Assert.Contains("video", (await PostAsync("whip", microphone, Offer("pion-audio-video-sendonly"))).Problem(403, "source-forbidden").GetProperty("detail").GetString());
        (await PostAsync("whip", nothing, Offer("pion-audio-video-sendonly"))).Problem(403, "source-forbidden");
        Assert.Equal(201, (await PostAsync("whip", screen, Offer("pion-audio-video-sendonly"))).Code);
    }

    private static string Offer(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Offers", name + ".sdp"));

    private Task<Reply> PostAsync(string endpoint, string token, string offer) => _server.SendAsync("POST", $"/v1/rooms/a/{endpoint}", token, offer, Sdp);

    private Task<Reply> PatchAsync(string location, string token, string fragment, string tag) =>
        _server.SendAsync("PATCH", location, token, fragment, Fragment, "If-Match", tag);

    private static string Ufrag(string sdp) => Regex.Match(sdp, "a=ice-ufrag:(\\S+)").Groups[1].Value;

    private static string FragmentOf(string offer)
    {
        string Line(string start) => offer.Split('\n').First(line => line.StartsWith(start, StringComparison.Ordinal)).TrimEnd('\r') + "\r\n";
        return Line("a=group:BUNDLE") + Line("m=") + Line("a=mid:") + Line("a=ice-ufrag:") + Line("a=ice-pwd:");
    }
}
