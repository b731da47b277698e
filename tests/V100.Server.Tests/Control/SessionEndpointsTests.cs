using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class SessionEndpointsTests : IAsyncLifetime
{
    private const string Fragment = "application/trickle-ice-sdpfrag";

    private RunningServer _server = null!;
    private string _token = null!;
    private string _session = null!;

    public async Task InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        _token = _server.JoinToken("me", "a");
        _session = (await _server.SendAsync("POST", "/v1/rooms/a/whip", _token, "v=0", "application/sdp")).Header("Location");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_session_is_read_and_ended_by_its_participant()
    {
        Reply read = await _server.SendAsync("GET", _session, _token);
        Assert.Equal(("a", "me", "whip"), (read.Json.GetProperty("room").GetString(), read.Json.GetProperty("identity").GetString(), read.Json.GetProperty("kind").GetString()));

        // RFC 9725, 4.3.1: an entity tag does not matter here.
        Assert.Equal(200, (await _server.SendAsync("DELETE", _session, _token, null, "", "If-Match", "\"old\"")).Code);
        (await _server.SendAsync("DELETE", _session, _token)).Problem(404, "session-not-found");
        (await _server.SendAsync("GET", _session, _token)).Problem(404, "session-not-found");
        (await _server.SendAsync("PATCH", _session, _token, "x", Fragment, "If-Match", "*")).Problem(404, "session-not-found");
    }

    [Fact]
    public async Task Others_may_not_unless_they_administer_the_room()
    {
        (await _server.SendAsync("GET", _session)).Problem(401, "unauthorized");
        foreach (string other in new[] { _server.JoinToken("you", "a"), _server.JoinToken("me", "b"), _server.AdminToken("b"), _server.Token("me", new VideoGrant()) })
        {
            (await _server.SendAsync("GET", _session, other)).Problem(403, "forbidden");
            (await _server.SendAsync("PATCH", _session, other, "x", Fragment, "If-Match", "*")).Problem(403, "forbidden");
            (await _server.SendAsync("DELETE", _session, other)).Problem(403, "forbidden");
        }

        Assert.Equal(200, (await _server.SendAsync("GET", _session, _server.AdminToken("a"))).Code);
        Assert.Equal(200, (await _server.SendAsync("DELETE", _session, "basic")).Code);
    }

    [Fact]
    public async Task Trickled_candidates_are_a_204_without_an_entity_tag()
    {
        Reply reply = await _server.SendAsync("PATCH", _session, _token, "a=end-of-candidates\r\n", Fragment, "If-Match", "\"tag-1\"");
        Assert.Equal((204, "", ""), (reply.Code, reply.Body, reply.Header("ETag")));
        Assert.Equal(("\"tag-1\"", "a=end-of-candidates\r\n"), _server.Conference.LastPatch);
    }

    [Fact]
    public async Task An_ICE_restart_is_a_200_with_a_fragment_and_a_new_entity_tag()
    {
        _server.Conference.NextPatch = new SessionPatch(PatchOutcome.Restarted, "a=ice-ufrag:new\r\n", "\"tag-2\"");
        Reply reply = await _server.SendAsync("PATCH", _session, _token, "a=ice-ufrag:x\r\n", Fragment, "If-Match", "*");
        Assert.Equal((200, Fragment, "a=ice-ufrag:new\r\n", "\"tag-2\""), (reply.Code, reply.Type, reply.Body, reply.Header("ETag")));
        Assert.Null(_server.Conference.LastPatch.EntityTag);
    }

    [Fact]
    public async Task Without_If_Match_it_is_a_428_and_with_an_old_one_a_412()
    {
        (await _server.SendAsync("PATCH", _session, _token, "x", Fragment)).Problem(428, "precondition-required");
        (await _server.SendAsync("PATCH", _session, _token, "x", Fragment, "If-Match", "no quotes")).Problem(428, "precondition-required");
        (await _server.SendAsync("PATCH", _session, _token, "x", Fragment, "If-Match", "\"old\"")).Problem(412, "stale-ice-session");

        // RFC 9110, 13.1.1: the strong comparison; any of several may match.
        (await _server.SendAsync("PATCH", _session, _token, "x", Fragment, "If-Match", "W/\"tag-1\"")).Problem(412, "stale-ice-session");
        Assert.Equal(204, (await _server.SendAsync("PATCH", _session, _token, "x", Fragment, "If-Match", "\"old\", \"tag-1\"")).Code);
    }

    [Theory]
    [InlineData(PatchOutcome.Malformed, 400, "malformed-fragment")]
    [InlineData(PatchOutcome.Unacceptable, 422, "unacceptable-fragment")]
    [InlineData(PatchOutcome.Overloaded, 503, "overloaded")]
    [InlineData(PatchOutcome.NotFound, 404, "session-not-found")]
    internal async Task Every_way_a_patch_fails_has_its_status(PatchOutcome outcome, int status, string code)
    {
        _server.Conference.NextPatch = new SessionPatch(outcome, Detail: "why");
        (await _server.SendAsync("PATCH", _session, _token, "x", Fragment, "If-Match", "*")).Problem(status, code);
    }

    [Fact]
    public async Task Another_content_type_is_a_415_and_OPTIONS_names_the_right_one()
    {
        Reply wrong = await _server.SendAsync("PATCH", _session, _token, "x", "application/sdp", "If-Match", "*");
        wrong.Problem(415, "unsupported-media-type");
        Assert.Equal(Fragment, wrong.Header("Accept-Patch"));
        Reply options = await _server.SendAsync("OPTIONS", _session);
        Assert.Equal((200, Fragment, "GET, PATCH, DELETE, HEAD, OPTIONS"), (options.Code, options.Header("Accept-Patch"), options.Header("Allow")));
        (await _server.SendAsync("POST", _session, _token, "x", Fragment)).Problem(405, "method-not-allowed");
        (await _server.SendAsync("PUT", _session, _token, "x", Fragment)).Problem(405, "method-not-allowed");
    }
}
