using System.Text.Json;
using System.Text.RegularExpressions;
using V100.Server.Control;
using V100.Server.Webhooks;

namespace V100.Server.Tests.Control;

/// <summary>What holds for the API as a whole: openapi.json, methods, CORS, headers.</summary>
public sealed partial class ApiTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Openapi_lists_exactly_the_mapped_operations()
    {
        Reply reply = await _server.SendAsync("GET", "/openapi.json");
        Assert.Equal((200, "application/json"), (reply.Code, reply.Type));
        Assert.StartsWith("3.1.", reply.Json.GetProperty("openapi").GetString());
        IEnumerable<string> documented = reply.Json.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Where(member => member.Name != "parameters").Select(member => $"{member.Name.ToUpperInvariant()} {path.Name}"));
        IEnumerable<string> mapped = _server.Host.Routes.Where(route => route.InApi).Select(route => $"{route.Method} {route.Pattern}");
        Assert.Equal(mapped.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Openapi_names_the_media_types_and_resolves_all_its_references()
    {
        JsonElement document = (await _server.SendAsync("GET", "/openapi.json")).Json;
        foreach (ApiRoute route in _server.Host.Routes.Where(route => route.Accepts is not null))
        {
            JsonElement operation = document.GetProperty("paths").GetProperty(route.Pattern).GetProperty(route.Method.ToLowerInvariant());
            Assert.Equal(route.Accepts, Assert.Single(operation.GetProperty("requestBody").GetProperty("content").EnumerateObject()).Name);
        }

        foreach (Match match in Reference().Matches(document.GetRawText()))
        {
            JsonElement target = document;
            foreach (string part in match.Groups[1].Value.Split('/'))
            {
                Assert.True(target.TryGetProperty(part, out target), match.Value);
            }
        }

        Assert.All(document.GetProperty("paths").EnumerateObject(), path => Assert.All(Placeholder().Matches(path.Name), placeholder =>
            Assert.Contains($"#/components/parameters/{placeholder.Groups[1].Value}", path.Value.GetProperty("parameters").GetRawText())));
    }

    /// <summary>The fields of the views and of the schemas are the same, so that neither gets ahead.</summary>
    [Theory]
    [InlineData(typeof(RoomView), "Room")]
    [InlineData(typeof(RoomListView), "RoomList")]
    [InlineData(typeof(ParticipantView), "Participant")]
    [InlineData(typeof(ParticipantListView), "ParticipantList")]
    [InlineData(typeof(PermissionView), "Permissions")]
    [InlineData(typeof(TrackView), "Track")]
    [InlineData(typeof(LayerView), "Layer")]
    [InlineData(typeof(SessionView), "Session")]
    [InlineData(typeof(StreamView), "Stream")]
    [InlineData(typeof(PathView), "Path")]
    [InlineData(typeof(LayerTargetView), "LayerTarget")]
    [InlineData(typeof(LayerLimitView), "LayerLimit")]
    [InlineData(typeof(LayerLimitListView), "LayerLimitList")]
    [InlineData(typeof(TokenView), "Token")]
    [InlineData(typeof(IceServerListView), "IceServerList")]
    [InlineData(typeof(UsageView), "Usage")]
    [InlineData(typeof(UsageListView), "UsageList")]
    [InlineData(typeof(AuditView), "AuditEntry")]
    [InlineData(typeof(AuditListView), "AuditList")]
    [InlineData(typeof(DeliveryView), "Delivery")]
    [InlineData(typeof(DeliveryListView), "DeliveryList")]
    [InlineData(typeof(WebhookTestView), "WebhookTest")]
    [InlineData(typeof(WebhookBody), "WebhookEvent")]
    [InlineData(typeof(ProblemView), "Problem")]
    public async Task Openapi_schemas_have_the_fields_that_are_sent(Type view, string schema)
    {
        JsonElement document = (await _server.SendAsync("GET", "/openapi.json")).Json;
        IEnumerable<string> documented = document.GetProperty("components").GetProperty("schemas").GetProperty(schema).GetProperty("properties").EnumerateObject().Select(field => field.Name);
        IEnumerable<string> sent = view.GetProperties().Where(property => property.Name != "EqualityContract").Select(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name));
        Assert.Equal(sent.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_path_answers_OPTIONS_and_refuses_other_methods_with_Allow()
    {
        foreach (IGrouping<string, ApiRoute> path in _server.Host.Routes.GroupBy(route => route.Pattern))
        {
            string target = Placeholder().Replace(path.Key, "x");
            Reply options = await _server.SendAsync("OPTIONS", target);
            Assert.Equal((200, ""), (options.Code, options.Body));
            Reply refused = await _server.SendAsync("TRACE", target);
            refused.Problem(405, "method-not-allowed");
            Assert.Equal(options.Header("Allow"), refused.Header("Allow"));
            Assert.Equal(path.Select(route => route.Method).Append("OPTIONS").Order(), refused.Header("Allow").Split(", ").Where(method => method != "HEAD").Order());
        }
    }

    [Fact]
    public async Task HEAD_is_GET_without_the_body()
    {
        Reply head = await _server.SendAsync("HEAD", "/healthz");
        Assert.Equal((200, "", "18"), (head.Code, head.Body, head.Header("Content-Length")));
    }

    [Theory]
    [InlineData("/v1")]
    [InlineData("/v1/rooms/a/b")]
    [InlineData("/nothing.js")]
    [InlineData("/v1/beacons")]
    [InlineData("/v1/rooms/a/qoe")]
    public async Task Unknown_paths_are_a_404(string path)
    {
        (await _server.SendAsync("GET", path)).Problem(404, "not-found");
    }

    [Fact]
    public async Task A_preflight_is_answered_without_a_token()
    {
        Reply reply = await _server.SendAsync("OPTIONS", "/v1/sessions/x", null, null, "", "Origin", "https://app.example", "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization,if-match");
        Assert.Equal((200, "*"), (reply.Code, reply.Header("Access-Control-Allow-Origin")));
        Assert.Contains("PATCH", reply.Header("Access-Control-Allow-Methods"));
        Assert.Contains("DELETE", reply.Header("Access-Control-Allow-Methods"));
        Assert.Contains("Authorization", reply.Header("Access-Control-Allow-Headers"));
        Assert.Contains("If-Match", reply.Header("Access-Control-Allow-Headers"));
        Assert.Equal("", reply.Header("Access-Control-Allow-Credentials"));
    }

    [Fact]
    public async Task An_error_can_be_read_from_another_origin_too()
    {
        Reply reply = await _server.SendAsync("GET", "/v1/rooms", null, null, "", "Origin", "https://app.example");
        reply.Problem(401, "unauthorized");
        Assert.Equal("*", reply.Header("Access-Control-Allow-Origin"));
        foreach (string name in new[] { "Location", "ETag", "Link" })
        {
            Assert.Contains(name, reply.Header("Access-Control-Expose-Headers"));
        }
    }

    [Fact]
    public async Task Origins_can_be_named()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Http:AllowedOrigins=https://app.example,https://other.example");
        Reply allowed = await server.SendAsync("GET", "/healthz", null, null, "", "Origin", "https://other.example");
        Reply refused = await server.SendAsync("GET", "/healthz", null, null, "", "Origin", "https://evil.example");
        Reply preflight = await server.SendAsync("OPTIONS", "/v1/rooms", null, null, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST");
        Assert.Equal(("https://other.example", "Origin"), (allowed.Header("Access-Control-Allow-Origin"), allowed.Header("Vary")));
        Assert.Equal(("", "Origin"), (refused.Header("Access-Control-Allow-Origin"), refused.Header("Vary")));
        Assert.Equal(("", ""), (preflight.Header("Access-Control-Allow-Origin"), preflight.Header("Access-Control-Allow-Methods")));
    }

    [GeneratedRegex("\"#/([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Placeholder();
}
