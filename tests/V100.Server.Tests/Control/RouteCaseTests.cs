using System.Text.Json;
using System.Text.RegularExpressions;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

/// <summary>Every operation of the API, by <see cref="RouteCase"/>: success, no token, a token that does not grant it, and bad input.</summary>
public sealed partial class RouteCaseTests : IAsyncLifetime
{
    /// <summary>What users rely on: the operations that were promised. They may grow, and none may go.</summary>
    private static readonly string[] _promised =
    [
        "POST /v1/rooms", "GET /v1/rooms", "GET /v1/rooms/{room}", "DELETE /v1/rooms/{room}", "GET /v1/rooms/{room}/participants",
        "GET /v1/rooms/{room}/participants/{identity}", "PATCH /v1/rooms/{room}/participants/{identity}", "DELETE /v1/rooms/{room}/participants/{identity}",
        "POST /v1/rooms/{room}/participants/{identity}/tracks/{trackId}/mute", "POST /v1/tokens", "POST /v1/rooms/{room}/whip", "POST /v1/rooms/{room}/whep",
        "PATCH /v1/sessions/{id}", "DELETE /v1/sessions/{id}", "GET /v1/sessions/{id}", "PATCH /v1/sessions/{id}/layer", "GET /v1/ice-servers", "POST /v1/beacons",
        "GET /v1/rooms/{room}/qoe", "GET /v1/rooms/{room}/events", "GET /v1/usage", "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json", "GET /",
        "POST /v1/admin/reload",
    ];

    /// <summary>Of these, what is not there yet.</summary>
    private static readonly string[] _notYet = ["GET /v1/rooms/{room}/qoe", "POST /v1/beacons"];

    private readonly ScriptedRelays _relays = new();
    private RunningServer _server = null!;

    public static TheoryData<string> Cases => [.. RouteCase.All.Select(route => route.Route)];

    public static TheoryData<string> Guarded => [.. RouteCase.All.Where(route => !route.IsOpen).Select(route => route.Route)];

    public static TheoryData<string> Refusing => [.. RouteCase.All.Where(route => route.Bad.Length > 0).Select(route => route.Route)];

    public async Task InitializeAsync()
    {
        _server = await RunningServer.StartWithRelaysAsync(_relays, "--V100:Webhooks:Urls:0=http://127.0.0.1:9/");
        _relays.Allocations.Add(new AllocationView(
            "allocation-1", "me", "me", "udp", "192.0.2.1:4000", "192.0.2.2:3478", "udp", "192.0.2.2:50000", null, 1, 600, 0, 0, 0, 0, 0, 0, 0));
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a"}""");
        await _server.SendAsync("POST", "/v1/rooms/a/whip", _server.JoinToken("me", "a"), "v=0", "application/sdp");
        _server.Conference.Participants[("a", "me")] = new ParticipantView(
            "me", null, null, DateTimeOffset.UnixEpoch, new PermissionView(true, true, true, VideoGrant.Sources), [new TrackView("t1", "video", "camera", "VP8", false, [])], "\"1\"");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public void Every_route_has_its_case()
    {
        IEnumerable<string> mapped = _server.Host.Routes.Where(route => route.InApi).Select(route => $"{route.Method} {route.Pattern}");
        Assert.Equal(mapped.Order(StringComparer.Ordinal), RouteCase.All.Select(route => route.Route).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_was_promised_is_mapped_and_described()
    {
        JsonElement paths = (await _server.SendAsync("GET", "/openapi.json")).Json.GetProperty("paths");
        foreach (string operation in _promised.Except(_notYet))
        {
            string[] words = operation.Split(' ');
            Assert.Contains(_server.Host.Routes, route => route.Method == words[0] && route.Pattern == words[1]);
            Assert.True(paths.TryGetProperty(words[1], out JsonElement path) && path.TryGetProperty(words[0].ToLowerInvariant(), out _), operation);
        }

        Assert.All(_notYet, operation => Assert.DoesNotContain(_server.Host.Routes, route => $"{route.Method} {route.Pattern}" == operation));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_good_request_is_answered_as_described(string name)
    {
        RouteCase route = Find(name);
        Reply reply = await SendAsync(route, route.IsOpen ? null : "basic");
        Assert.True(reply.Code == route.Status, reply.Body);
        JsonElement responses = await ResponsesAsync(route);
        Assert.True(responses.TryGetProperty(reply.Code.ToString(), out JsonElement described), $"{reply.Code} is not described");
        if (described.TryGetProperty("content", out JsonElement content))
        {
            Assert.Contains(content.EnumerateObject(), type => type.Name == reply.Type);
        }
        else
        {
            Assert.Equal("", reply.Body);
        }
    }

    [Theory]
    [MemberData(nameof(Guarded))]
    public async Task Without_a_token_or_with_a_bad_one_it_is_a_401_and_with_a_wrong_one_a_403(string name)
    {
        RouteCase route = Find(name);
        JsonElement responses = await ResponsesAsync(route);
        foreach (string? token in new[] { null, "a.b.c", _server.Token("me", VideoGrant.Everything)[..^3] })
        {
            Reply refused = await SendAsync(route, token);
            refused.Problem(401, "unauthorized");
            Assert.Contains("Bearer realm=\"v100\"", refused.Header("WWW-Authenticate"));
        }

        foreach (Func<RunningServer, string> token in route.WrongTokens)
        {
            JsonElement problem = (await SendAsync(route, token(_server))).Problem(403, "forbidden");
            Assert.NotEmpty(problem.GetProperty("allowed").GetString()!);
        }

        Assert.True(responses.TryGetProperty("401", out _));
        Assert.Equal(route.WrongTokens.Length > 0, responses.TryGetProperty("403", out _));
        Assert.Equal(200, (await _server.SendAsync("GET", "/v1/rooms/a/participants/me", "basic")).Code); // Nothing was done.
    }

    [Theory]
    [MemberData(nameof(Refusing))]
    public async Task Bad_input_gets_its_problem_document(string name)
    {
        RouteCase route = Find(name);
        JsonElement responses = await ResponsesAsync(route);
        foreach (BadRequest bad in route.Bad)
        {
            RouteCase request = route with
            {
                Path = bad.Path is null ? route.Path : bad.Path.StartsWith('?') ? route.Path + bad.Path : bad.Path,
                Body = bad.Body ?? route.Body,
                Type = bad.Type ?? route.Type,
                Headers = bad.Headers ?? route.Headers,
            };
            Reply reply = await SendAsync(request, "basic");
            Assert.True(reply.Code == bad.Status, $"{bad}: {reply.Code} {reply.Body}");
            reply.Problem(bad.Status, bad.Code);
            Assert.True(responses.TryGetProperty(bad.Status.ToString(), out _), $"{bad.Status} is not described");
        }
    }

    private static RouteCase Find(string name) => Array.Find(RouteCase.All, route => route.Route == name)!;

    private Task<Reply> SendAsync(RouteCase route, string? token) => _server.SendAsync(route.Method, route.Path, token, route.Body, route.Type, route.Headers);

    private async Task<JsonElement> ResponsesAsync(RouteCase route)
    {
        JsonElement document = (await _server.SendAsync("GET", "/openapi.json")).Json;
        JsonElement responses = document.GetProperty("paths").GetProperty(route.Route.Split(' ')[1]).GetProperty(route.Method.ToLowerInvariant()).GetProperty("responses");
        Assert.All(responses.EnumerateObject(), response => Assert.Matches(Status(), response.Name));
        return responses;
    }

    [GeneratedRegex("^[2-5][0-9][0-9]$")]
    private static partial Regex Status();
}
