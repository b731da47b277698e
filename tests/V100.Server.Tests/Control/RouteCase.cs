using V100.Server.Control;

namespace V100.Server.Tests.Control;

/// <summary>A request that a route must refuse, with its problem document.</summary>
internal sealed record BadRequest(int Status, string Code, string? Path = null, string? Body = null, string? Type = null, string[]? Headers = null);

/// <summary>
/// What a route must do, with the room "a", its participant "me" with the track "t1", its session "session-1" and the allocation "allocation-1" there:
/// answer a good request, refuse one without and one with the wrong grants, and refuse bad input.
/// </summary>
internal sealed record RouteCase(string Route, string Path, int Status)
{
    private static readonly Func<RunningServer, string> _nothing = server => server.Token("me", new VideoGrant());
    private static readonly Func<RunningServer, string> _elsewhere = server => server.JoinToken("me", "b");
    private static readonly Func<RunningServer, string> _adminElsewhere = server => server.AdminToken("b");
    private static readonly Func<RunningServer, string> _member = server => server.JoinToken("me", "a");
    private static readonly BadRequest[] _badPage =
    [
        new(400, "invalid-field", "?limit=0"), new(400, "invalid-field", "?limit=1001"), new(400, "invalid-field", "?limit=x"), new(400, "invalid-field", "?cursor=%21"),
    ];

    public string Method => Route.Split(' ')[0];
    public string? Body { get; init; }
    public string Type { get; init; } = "application/json";
    public string[] Headers { get; init; } = [];

    /// <summary>Anybody may, without a token.</summary>
    public bool IsOpen { get; init; }

    /// <summary>Tokens that are good and do not grant it.</summary>
    public Func<RunningServer, string>[] WrongTokens { get; init; } = [];

    /// <summary>The path is that of the case where none is given; one that begins with "?" is added to it.</summary>
    public BadRequest[] Bad { get; init; } = [];

    public override string ToString() => Route;

    /// <summary>One for each operation of the API. Whoever adds a route adds its case.</summary>
    public static readonly RouteCase[] All =
    [
        new("GET /v1/rooms", "/v1/rooms", 200) { WrongTokens = [_nothing, _member], Bad = _badPage },
        new("POST /v1/rooms", "/v1/rooms", 201)
        {
            Body = """{"name":"new"}""",
            WrongTokens = [_nothing, _member, _adminElsewhere],
            Bad = OfJson("""{"name":7}""", """{"name":"new","colour":1}"""),
        },
        new("GET /v1/rooms/{room}", "/v1/rooms/a", 200)
        {
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere],
            Bad = [new(400, "invalid-field", "/v1/rooms/%07"), new(404, "room-not-found", "/v1/rooms/none")],
        },
        new("PATCH /v1/rooms/{room}", "/v1/rooms/a", 200)
        {
            Body = """{"maxParticipants":5,"emptyTimeoutSeconds":1,"metadata":"m"}""",
            WrongTokens = [_nothing, _member, _adminElsewhere],
            Bad =
            [
                .. OfJson("""{"maxParticipants":0}""", """{"emptyTimeoutSeconds":-1}""", """{"name":"b"}"""), .. OfIfMatch(),
                new(400, "invalid-field", "/v1/rooms/%07"), new(404, "room-not-found", "/v1/rooms/none"),
            ],
        },
        new("DELETE /v1/rooms/{room}", "/v1/rooms/a", 204)
        {
            WrongTokens = [_nothing, _member, _adminElsewhere],
            Bad = [.. OfIfMatch(), new(400, "invalid-field", "/v1/rooms/%07"), new(404, "room-not-found", "/v1/rooms/none")],
        },
        new("GET /v1/rooms/{room}/events", "/v1/rooms/a/events", 200)
        {
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere],
            Bad = [new(400, "invalid-field", "/v1/rooms/%07/events"), new(404, "room-not-found", "/v1/rooms/none/events")],
        },
        new("GET /v1/rooms/{room}/participants", "/v1/rooms/a/participants", 200)
        {
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere],
            Bad = [.. _badPage, new(400, "invalid-field", "/v1/rooms/%07/participants"), new(404, "room-not-found", "/v1/rooms/none/participants")],
        },
        new("GET /v1/rooms/{room}/participants/{identity}", "/v1/rooms/a/participants/me", 200)
        {
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere],
            Bad =
            [
                new(400, "invalid-field", "/v1/rooms/a/participants/%07"), new(404, "participant-not-found", "/v1/rooms/a/participants/none"),
                new(404, "room-not-found", "/v1/rooms/none/participants/me"),
            ],
        },
        new("PATCH /v1/rooms/{room}/participants/{identity}", "/v1/rooms/a/participants/me", 200)
        {
            Body = """{"name":"Me","metadata":null,"permissions":{"canPublish":false,"canSubscribe":null,"canPublishSources":["camera"]}}""",
            WrongTokens = [_nothing, _member, _adminElsewhere],
            Bad =
            [
                .. OfJson("""{"name":1}""", """{"permissions":[]}""", """{"permissions":{"canPublish":"no"}}""", """{"permissions":{"canPublishSources":["face"]}}""",
                    """{"permissions":{"canFly":true}}""", """{"identity":"you"}"""),
                .. OfIfMatch(),
                new(404, "participant-not-found", "/v1/rooms/a/participants/none"), new(404, "room-not-found", "/v1/rooms/none/participants/me"),
            ],
        },
        new("DELETE /v1/rooms/{room}/participants/{identity}", "/v1/rooms/a/participants/me", 204)
        {
            WrongTokens = [_nothing, _member, _adminElsewhere],
            Bad = [new(400, "invalid-field", "?ban=maybe"), .. OfIfMatch(), new(404, "participant-not-found", "/v1/rooms/a/participants/none")],
        },
        Mute("/participants/{identity}", "/participants/me"),
        Mute("", ""),
        new("POST /v1/tokens", "/v1/tokens", 200)
        {
            Body = """{"room":"a","identity":"you","canPublish":false,"ttlSeconds":60}""",
            WrongTokens = [_nothing, _member, _adminElsewhere],
            Bad = OfJson("{}", """{"room":"a"}""", """{"room":"a","identity":"you","ttlSeconds":0}""", """{"room":"a","identity":"you","canPublishSources":["face"]}"""),
        },
        new("GET /v1/ice-servers", "/v1/ice-servers", 200),
        Offer("whip", server => server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanPublish = false })),
        new("GET /v1/rooms/{room}/whip", "/v1/rooms/a/whip", 204) { IsOpen = true },
        Offer("whep", server => server.Token("me", new VideoGrant { RoomJoin = true, Room = "a", CanSubscribe = false })),
        new("GET /v1/rooms/{room}/whep", "/v1/rooms/a/whep", 204) { IsOpen = true },
        new("GET /v1/sessions/{id}", "/v1/sessions/session-1", 200)
        {
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere, server => server.JoinToken("you", "a")],
            Bad = [new(404, "session-not-found", "/v1/sessions/none")],
        },
        new("PATCH /v1/sessions/{id}", "/v1/sessions/session-1", 204)
        {
            Body = "a=ice-ufrag:x",
            Type = SessionEndpoints.Fragment,
            Headers = ["If-Match", "*"],
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere, server => server.JoinToken("you", "a")],
            Bad =
            [
                new(404, "session-not-found", "/v1/sessions/none"), new(428, "precondition-required", Headers: []), new(412, "stale-ice-session", Headers: ["If-Match", "\"old\""]),
                new(415, "unsupported-media-type", Type: "application/json"),
            ],
        },
        new("DELETE /v1/sessions/{id}", "/v1/sessions/session-1", 200)
        {
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere, server => server.JoinToken("you", "a")],
            Bad = [new(404, "session-not-found", "/v1/sessions/none")],
        },
        new("PATCH /v1/sessions/{id}/layer", "/v1/sessions/session-1/layer", 200)
        {
            Body = """{"maxLayer":"m","maxBitrate":500000,"paused":false}""",
            WrongTokens = [_nothing, _elsewhere, _adminElsewhere, server => server.JoinToken("you", "a")],
            Bad = [.. OfJson("""{"maxLayer":9}""", """{"width":640}""", """{"paused":1}"""), new(404, "session-not-found", "/v1/sessions/none/layer")],
        },
        new("GET /v1/turn/allocations", "/v1/turn/allocations", 200)
        {
            WrongTokens = [_nothing, _member, server => server.AdminToken("a")],
            Bad = [new(400, "invalid-field", "?limit=0")],
        },
        new("DELETE /v1/turn/allocations/{id}", "/v1/turn/allocations/allocation-1", 204)
        {
            WrongTokens = [_nothing, _member, server => server.AdminToken("a")],
            Bad = [new(404, "allocation-not-found", "/v1/turn/allocations/none")],
        },
        new("GET /v1/turn/denials", "/v1/turn/denials", 200) { WrongTokens = [_nothing, _member, server => server.AdminToken("a")] },
        new("GET /v1/usage", "/v1/usage?room=a", 200)
        {
            WrongTokens = [_nothing, _member, _adminElsewhere],
            Bad = [new(400, "invalid-field", "/v1/usage?room=.."), new(400, "invalid-field", "/v1/usage?from=x"), new(400, "invalid-field", "/v1/usage?cursor=%21")],
        },
        new("GET /v1/audit", "/v1/audit", 200) { WrongTokens = [_nothing, _member, server => server.AdminToken("a")], Bad = [.. _badPage, new(400, "invalid-field", "?to=x")] },
        new("GET /v1/webhooks/deliveries", "/v1/webhooks/deliveries", 200) { WrongTokens = [_nothing, _member, server => server.AdminToken("a")], Bad = _badPage },
        new("POST /v1/webhooks/test", "/v1/webhooks/test", 202) { WrongTokens = [_nothing, _member, server => server.AdminToken("a")] },
        new("POST /v1/admin/reload", "/v1/admin/reload", 204) { WrongTokens = [_nothing, _member, server => server.AdminToken()] },
        new("GET /healthz", "/healthz", 200) { IsOpen = true },
        new("GET /readyz", "/readyz", 200) { IsOpen = true },
        new("GET /metrics", "/metrics", 200) { IsOpen = true },
        new("GET /openapi.json", "/openapi.json", 200) { IsOpen = true },
        new("GET /", "/", 200) { IsOpen = true },
    ];

    private static RouteCase Mute(string pattern, string path) => new($"POST /v1/rooms/{{room}}{pattern}/tracks/{{trackId}}/mute", $"/v1/rooms/a{path}/tracks/t1/mute", 200)
    {
        Body = """{"muted":true}""",
        WrongTokens = [_nothing, _member, _adminElsewhere],
        Bad =
        [
            .. OfJson("{}", """{"muted":1}""", """{"muted":true,"now":1}"""),
            new(404, "track-not-found", $"/v1/rooms/a{path}/tracks/none/mute"), new(404, "track-not-found", $"/v1/rooms/none{path}/tracks/t1/mute"),
            new(400, "invalid-field", $"/v1/rooms/%07{path}/tracks/t1/mute"),
        ],
    };

    private static RouteCase Offer(string endpoint, Func<RunningServer, string> without) => new($"POST /v1/rooms/{{room}}/{endpoint}", $"/v1/rooms/a/{endpoint}?participant=me", 201)
    {
        Body = "v=0",
        Type = "application/sdp",
        WrongTokens = [_nothing, _elsewhere, _adminElsewhere, without],
        Bad =
        [
            new(400, "invalid-field", $"/v1/rooms/%07/{endpoint}?participant=me"), new(400, "invalid-field", $"/v1/rooms/a/{endpoint}?participant=%07"),
            new(415, "unsupported-media-type", Type: "application/json"),
            new(413, "body-too-large", Body: new string('v', RequestBody.MaxBytes + 1)),
        ],
    };

    /// <summary>What every body of JSON can be, and what this one must not.</summary>
    private static BadRequest[] OfJson(params string[] bodies) =>
    [
        new(400, "invalid-field", Body: "{"), new(400, "invalid-field", Body: "[]"), new(400, "invalid-field", Body: """{"x":1,"x":2}"""),
        new(415, "unsupported-media-type", Type: "text/plain"),
        new(413, "body-too-large", Body: "{\"x\":\"" + new string('x', RequestBody.MaxBytes) + "\"}"),
        .. bodies.Select(body => new BadRequest(400, "invalid-field", Body: body)),
    ];

    private static BadRequest[] OfIfMatch() =>
        [new(412, "stale-entity-tag", Headers: ["If-Match", "\"other\""]), new(412, "stale-entity-tag", Headers: ["If-Match", "W/\"1\""]), new(400, "invalid-field", Headers: ["If-Match", "1"])];
}
