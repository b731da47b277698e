using System.Net;
using System.Text.Json;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class OfferEndpointsTests : IAsyncLifetime
{
    private const string Sdp = "application/sdp";

    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData("whip", false)]
    [InlineData("whep", true)]
    public async Task An_offer_is_answered_as_RFC_9725_says(string endpoint, bool plays)
    {
        string token = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a b", CanPublishSources = ["camera"] }, name: "Me");
        Reply reply = await _server.SendAsync("POST", $"/v1/rooms/a%20b/{endpoint}", token, "v=0\r\noffer\r\n", Sdp);
        Assert.Equal((201, Sdp, "v=0\r\nanswer\r\n"), (reply.Code, reply.Type, reply.Body));
        Assert.Equal(("/v1/sessions/session-1", "\"tag-1\"", "application/trickle-ice-sdpfrag"), (reply.Header("Location"), reply.Header("ETag"), reply.Header("Accept-Patch")));
        Assert.StartsWith("<stun:127.0.0.1:3478>; rel=\"ice-server\"", reply.Header("Link"));
        Assert.Contains("<turn:127.0.0.1:3478?transport=udp>; rel=\"ice-server\"; username=", reply.Header("Link"));
        SessionRequest request = _server.Conference.LastRequest!;
        Assert.Equal(("a b", "me", "Me", null, "v=0\r\noffer\r\n"), (request.Room, request.Identity, request.Name, request.Participant, request.Offer));
        Assert.Equal(["camera"], request.Grant.CanPublishSources!);
        Assert.Equal(plays, _server.Conference.LastWasPlay);
    }

    [Fact]
    public async Task A_content_type_with_parameters_and_other_case_is_the_same_type()
    {
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whip", _server.JoinToken("me", "a"), "v=0", "Application/SDP; charset=utf-8")).Code);
    }

    [Fact]
    public async Task Participant_is_who_publishes_for_an_administrator_and_who_is_played_for_all()
    {
        string admin = _server.AdminToken("a");
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whip?participant=camera%201", admin, "v=0", Sdp)).Code);
        Assert.Equal("camera 1", _server.Conference.LastRequest!.Identity);
        (await _server.SendAsync("POST", "/v1/rooms/a/whip", admin, "v=0", Sdp)).Problem(400, "invalid-field");
        (await _server.SendAsync("POST", "/v1/rooms/a/whip?participant=you", _server.JoinToken("me", "a"), "v=0", Sdp)).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/rooms/a/whip?participant=", admin, "v=0", Sdp)).Problem(400, "invalid-field");
        (await _server.SendAsync("POST", "/v1/rooms/a/whip?participant=x&participant=y", admin, "v=0", Sdp)).Problem(400, "invalid-field");

        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whep?participant=you", _server.JoinToken("me", "a"), "v=0", Sdp)).Code);
        Assert.Equal(("me", "you"), (_server.Conference.LastRequest!.Identity, _server.Conference.LastRequest.Participant));
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whep", "basic", "v=0", Sdp)).Code);
        Assert.Equal("key:key1", _server.Conference.LastRequest!.Identity);
    }

    [Fact]
    public async Task Grants_decide_who_publishes_and_who_plays()
    {
        string watcher = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanPublish = false });
        string sender = _server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanSubscribe = false });
        (await _server.SendAsync("POST", "/v1/rooms/a/whip", null, "v=0", Sdp)).Problem(401, "unauthorized");
        (await _server.SendAsync("POST", "/v1/rooms/a/whip", watcher, "v=0", Sdp)).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/rooms/a/whep", sender, "v=0", Sdp)).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/rooms/b/whip", sender, "v=0", Sdp)).Problem(403, "forbidden");
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whip", sender, "v=0", Sdp)).Code);
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whep", watcher, "v=0", Sdp)).Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    public async Task Another_content_type_is_a_415_that_names_the_right_one(string? type)
    {
        Reply reply = await _server.SendAsync("POST", "/v1/rooms/a/whip", _server.JoinToken("me", "a"), "v=0", type ?? "");
        JsonElement problem = reply.Problem(415, "unsupported-media-type");
        Assert.Equal((Sdp, Sdp, "Content-Type"), (reply.Header("Accept-Post"), problem.GetProperty("allowed").GetString(), problem.GetProperty("field").GetString()));
    }

    [Fact]
    public async Task A_body_above_64_KiB_is_a_413_with_a_length_and_without_one()
    {
        string token = _server.JoinToken("me", "a");
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/a/whip", token, new string('v', 65536), Sdp)).Code);
        (await _server.SendAsync("POST", "/v1/rooms/a/whip", token, new string('v', 65537), Sdp)).Problem(413, "body-too-large");

        using HttpRequestMessage chunked = new(HttpMethod.Post, "/v1/rooms/a/whip");
        chunked.Headers.Authorization = new("Bearer", token);
        chunked.Headers.TransferEncodingChunked = true;
        chunked.Content = new ByteArrayContent(new byte[70_000]);
        chunked.Content.Headers.ContentType = new(Sdp);
        using HttpResponseMessage response = await _server.Http.SendAsync(chunked);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task A_body_that_is_no_UTF8_is_a_400()
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/rooms/a/whip");
        request.Headers.Authorization = new("Bearer", _server.JoinToken("me", "a"));
        request.Content = new ByteArrayContent([0x76, 0xFF, 0xFE]);
        request.Content.Headers.ContentType = new(Sdp);
        using HttpResponseMessage response = await _server.Http.SendAsync(request);
        (await Reply.ReadAsync(response)).Problem(400, "invalid-field");
    }

    [Theory]
    [InlineData(SessionOutcome.RoomNotFound, 404, "room-not-found")]
    [InlineData(SessionOutcome.RoomFull, 409, "room-full")]
    [InlineData(SessionOutcome.TooManyPublishers, 409, "too-many-publishers")]
    [InlineData(SessionOutcome.NotPermitted, 403, "not-permitted")]
    [InlineData(SessionOutcome.TooManyRooms, 429, "too-many-rooms")]
    [InlineData(SessionOutcome.Banned, 403, "banned")]
    [InlineData(SessionOutcome.SourceForbidden, 403, "source-forbidden")]
    [InlineData(SessionOutcome.Conflict, 409, "conflict")]
    [InlineData(SessionOutcome.OfferMalformed, 400, "malformed-sdp")]
    [InlineData(SessionOutcome.OfferUnacceptable, 422, "unacceptable-offer")]
    [InlineData(SessionOutcome.Overloaded, 503, "overloaded")]
    internal async Task Every_way_an_offer_fails_has_its_status(SessionOutcome outcome, int status, string code)
    {
        _server.Conference.NextOffer = new SessionCreation(outcome, Detail: "line 7: no such type");
        Reply reply = await _server.SendAsync("POST", "/v1/rooms/a/whip", _server.JoinToken("me", "a"), "v=0", Sdp);
        JsonElement problem = reply.Problem(status, code);
        Assert.Equal(status is 429 or 503, reply.Header("Retry-After").Length > 0);
        if (outcome is SessionOutcome.OfferMalformed or SessionOutcome.OfferUnacceptable)
        {
            Assert.Equal("line 7: no such type", problem.GetProperty("detail").GetString());
        }
    }

    [Fact]
    public async Task While_draining_new_sessions_and_rooms_are_refused_and_old_ones_work()
    {
        string token = _server.JoinToken("me", "a");
        Reply before = await _server.SendAsync("POST", "/v1/rooms/a/whip", token, "v=0", Sdp);
        Assert.True(_server.Host.Plane.Drain.TryBegin());
        Reply refused = await _server.SendAsync("POST", "/v1/rooms/a/whip", token, "v=0", Sdp);
        refused.Problem(503, "draining");
        Assert.NotEmpty(refused.Header("Retry-After"));
        (await _server.SendAsync("POST", "/v1/rooms/a/whep", token, "v=0", Sdp)).Problem(503, "draining");
        (await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"b"}""")).Problem(503, "draining");
        (await _server.SendAsync("GET", "/readyz")).Problem(503, "draining");
        Assert.Equal(200, (await _server.SendAsync("GET", "/healthz")).Code);
        Assert.Equal(200, (await _server.SendAsync("GET", before.Header("Location"), token)).Code);
        Assert.Equal(200, (await _server.SendAsync("DELETE", before.Header("Location"), token)).Code);
    }

    [Fact]
    public async Task A_GET_on_an_endpoint_is_2xx_without_content_and_OPTIONS_says_what_it_takes()
    {
        Reply get = await _server.SendAsync("GET", "/v1/rooms/a/whip");
        Assert.Equal((204, ""), (get.Code, get.Body));
        Reply options = await _server.SendAsync("OPTIONS", "/v1/rooms/a/whep");
        Assert.Equal((200, "", Sdp), (options.Code, options.Body, options.Header("Accept-Post")));
    }

    [Fact]
    public async Task Turn_credentials_stand_in_the_Link_header()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Turn:Secrets=north");
        long expiry = server.Host.Plane.NowUnixSeconds + 3600;
        foreach ((string identity, string username) in new[] { ("a\"b", $"{expiry}:a\\\"b"), ("zoë", $"{expiry}") })
        {
            Reply reply = await server.SendAsync("POST", "/v1/rooms/a/whip", server.JoinToken(identity, "a"), "v=0", Sdp);
            Assert.Contains($"<turn:127.0.0.1:3478?transport=udp>; rel=\"ice-server\"; username=\"{username}\"; credential=\"", reply.Header("Link"));
        }
    }
}
