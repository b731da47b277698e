using System.Text.Json;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class LayerEndpointTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private string _token = null!;
    private string _layer = null!;

    public async Task InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        _token = _server.JoinToken("me", "a");
        _layer = (await _server.SendAsync("POST", "/v1/rooms/a/whep", _token, "v=0", "application/sdp")).Header("Location") + "/layer";
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Every_field_reaches_the_conference_and_the_limits_come_back()
    {
        _server.Conference.NextLimit = new LayerPatch(LayerOutcome.Limited, new LayerLimitListView([new LayerLimitView("TR_1", "m", null, 500_000, 640, 360, true)]));
        Reply reply = await PatchAsync("""{"trackId":"TR_1","maxLayer":"m","maxBitrate":500000,"width":640,"height":360,"paused":true}""");
        Assert.Equal(200, reply.Code);
        JsonElement limit = reply.Json.GetProperty("limits")[0];
        Assert.Equal(("TR_1", "m", 500_000, true), (limit.GetProperty("trackId").GetString(), limit.GetProperty("maxLayer").GetString(),
            limit.GetProperty("maxBitrateBps").GetInt32(), limit.GetProperty("paused").GetBoolean()));
        Assert.False(limit.TryGetProperty("maxPlace", out _));
        Assert.Equal(
            new LayerWish
            {
                TrackId = "TR_1",
                MaxLayer = new(true, new LayerBound("m", 0)),
                MaxBitrateBps = new(true, 500_000),
                Size = new(true, new LayerSize(640, 360)),
                Paused = new(true, true),
            },
            _server.Conference.LastWish);
    }

    [Fact]
    public async Task A_number_counts_from_the_smallest_null_lifts_and_what_is_absent_stays()
    {
        Assert.Equal(200, (await PatchAsync("""{"maxLayer":0}""")).Code);
        Assert.Equal(new LayerWish { MaxLayer = new(true, new LayerBound(null, 0)) }, _server.Conference.LastWish);
        Assert.Equal(200, (await PatchAsync("""{"maxLayer":null,"maxBitrate":null,"width":null,"height":null,"paused":null}""")).Code);
        Assert.Equal(
            new LayerWish { MaxLayer = new(true, null), MaxBitrateBps = new(true, null), Size = new(true, null), Paused = new(true, null) },
            _server.Conference.LastWish);
        Assert.Equal(200, (await PatchAsync("{}")).Code);
        Assert.Equal(new LayerWish(), _server.Conference.LastWish);
    }

    [Theory]
    [InlineData("""{"maxLayer":-1}""", "maxLayer")]
    [InlineData("""{"maxLayer":8}""", "maxLayer")]
    [InlineData("""{"maxLayer":1.5}""", "maxLayer")]
    [InlineData("""{"maxLayer":""}""", "maxLayer")]
    [InlineData("""{"maxLayer":true}""", "maxLayer")]
    [InlineData("""{"maxBitrate":0}""", "maxBitrate")]
    [InlineData("""{"maxBitrate":"fast"}""", "maxBitrate")]
    [InlineData("""{"paused":"yes"}""", "paused")]
    [InlineData("""{"width":640}""", "height")]
    [InlineData("""{"height":360}""", "width")]
    [InlineData("""{"width":640,"height":null}""", "height")]
    [InlineData("""{"width":0,"height":0}""", "width")]
    [InlineData("""{"trackId":7}""", "trackId")]
    [InlineData("""{"maxlayer":1}""", "maxlayer")]
    [InlineData("[]", "")]
    public async Task A_value_that_is_not_allowed_is_a_400_that_names_its_field(string body, string field)
    {
        JsonElement problem = (await PatchAsync(body)).Problem(400, "invalid-field");
        Assert.Equal(field, problem.GetProperty("field").GetString());
        Assert.Null(_server.Conference.LastWish);
    }

    [Theory]
    [InlineData(LayerOutcome.PlaysNothing, 409, "plays-nothing")]
    [InlineData(LayerOutcome.NotPlayed, 422, "track-not-played")]
    [InlineData(LayerOutcome.NoSuchLayer, 422, "no-such-layer")]
    [InlineData(LayerOutcome.NotFound, 404, "session-not-found")]
    internal async Task Every_way_a_limit_fails_has_its_status(LayerOutcome outcome, int status, string code)
    {
        _server.Conference.NextLimit = new LayerPatch(outcome, Allowed: "h, m, l");
        (await PatchAsync("""{"maxLayer":"x"}""")).Problem(status, code);
    }

    [Fact]
    public async Task It_is_for_the_session_s_participant_and_administrators_alone()
    {
        (await _server.SendAsync("PATCH", _layer, null, """{"paused":true}""")).Problem(401, "unauthorized");
        (await _server.SendAsync("PATCH", _layer, _server.JoinToken("you", "a"), """{"paused":true}""")).Problem(403, "forbidden");
        (await _server.SendAsync("PATCH", "/v1/sessions/none/layer", _token, """{"paused":true}""")).Problem(404, "session-not-found");
        (await _server.SendAsync("PATCH", _layer, _token, "x", "text/plain")).Problem(415, "unsupported-media-type");
        (await _server.SendAsync("GET", _layer, _token)).Problem(405, "method-not-allowed");
        Assert.Equal(200, (await _server.SendAsync("PATCH", _layer, _server.AdminToken("a"), """{"paused":true}""")).Code);
    }

    private Task<Reply> PatchAsync(string body) => _server.SendAsync("PATCH", _layer, _token, body);
}
