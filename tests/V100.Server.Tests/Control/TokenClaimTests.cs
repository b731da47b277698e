using System.Text;
using System.Text.Json;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

/// <summary>Each claim of a token over HTTP: what it lets through, and what not.</summary>
public sealed class TokenClaimTests : IAsyncLifetime
{
    private const string Sdp = "application/sdp";

    private static readonly VideoGrant _join = new() { RoomJoin = true, Room = "a" };

    private RunningServer _server = null!;

    private long Now => _server.Time.GetUtcNow().ToUnixTimeSeconds();

    public async Task InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a"}""");
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"b"}""");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Iss_names_the_key_that_signed()
    {
        Assert.Equal(201, await WhipAsync(Sign(token => token)));
        Assert.Equal(401, await WhipAsync(Sign(token => token with { Issuer = "key2" })));
        Assert.Equal(401, await WhipAsync(Sign(token => token, secret: "another secret of thirty-two bytes")));
    }

    [Fact]
    public async Task Sub_is_the_identity_of_who_joins()
    {
        Assert.Equal(201, await WhipAsync(Sign(token => token with { Subject = "zoë" })));
        Assert.Equal("zoë", _server.Conference.LastRequest!.Identity);
        Assert.Equal(400, await WhipAsync(Sign(token => token with { Subject = "" })));
    }

    [Theory]
    [InlineData(0, 201)]
    [InlineData(-59, 201)]
    [InlineData(-60, 401)]
    public async Task Exp_has_60_seconds_of_leeway(int seconds, int status) =>
        Assert.Equal(status, await WhipAsync(Sign(token => token with { ExpiresUnixSeconds = Now + seconds })));

    [Theory]
    [InlineData(0, 201)]
    [InlineData(60, 201)]
    [InlineData(61, 401)]
    public async Task Nbf_has_60_seconds_of_leeway(int seconds, int status) =>
        Assert.Equal(status, await WhipAsync(Sign(token => token with { NotBeforeUnixSeconds = Now + seconds })));

    [Fact]
    public async Task Name_and_metadata_come_with_who_joins()
    {
        Assert.Equal(201, await WhipAsync(Sign(token => token with { Name = "Zoë", Metadata = "m" })));
        Assert.Equal(("Zoë", "m"), (_server.Conference.LastRequest!.Name, _server.Conference.LastRequest.Metadata));
    }

    [Fact]
    public async Task RoomJoin_and_room_let_into_that_room_alone()
    {
        Assert.Equal(201, await WhipAsync(Video(_join)));
        Assert.Equal(403, await WhipAsync(Video(_join with { RoomJoin = false })));
        Assert.Equal(403, await WhipAsync(Video(_join with { Room = "b" })));
        Assert.Equal(403, await WhipAsync(Video(_join with { Room = null })));
    }

    [Theory]
    [InlineData(null, 201)]
    [InlineData(true, 201)]
    [InlineData(false, 403)]
    public async Task CanPublish_is_for_WHIP_and_canSubscribe_for_WHEP(bool? granted, int status)
    {
        string publishes = Video(_join with { CanPublish = granted });
        string subscribes = Video(_join with { CanSubscribe = granted });
        Assert.Equal((status, 201), (await WhipAsync(publishes), await WhepAsync(publishes)));
        Assert.Equal((201, status), (await WhipAsync(subscribes), await WhepAsync(subscribes)));
    }

    [Fact]
    public async Task CanPublishSources_and_canPublishData_go_with_the_offer()
    {
        Assert.Equal(201, await WhipAsync(Video(_join with { CanPublishSources = ["camera"], CanPublishData = false })));
        VideoGrant grant = _server.Conference.LastRequest!.Grant;
        Assert.Equal("camera", Assert.Single(grant.CanPublishSources!));
        Assert.False(grant.CanPublishData);
    }

    [Theory]
    [InlineData("POST", "/v1/rooms", """{"name":"a"}""", 200)]
    [InlineData("DELETE", "/v1/rooms/b", null, 204)]
    public async Task RoomCreate_makes_and_ends_rooms(string method, string path, string? body, int status)
    {
        Assert.Equal(status, (await _server.SendAsync(method, path, Video(new VideoGrant { RoomCreate = true }), body)).Code);
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"b"}""");
        Assert.Equal(403, (await _server.SendAsync(method, path, Video(new VideoGrant { RoomCreate = true, Room = "c" }), body)).Code);
        Assert.Equal(403, (await _server.SendAsync(method, path, Video(new VideoGrant { RoomList = true, RoomRecord = true }), body)).Code);
    }

    [Fact]
    public async Task RoomList_tells_of_all_rooms_and_with_a_room_of_that_alone()
    {
        Assert.Equal(["a", "b"], await ListAsync(new VideoGrant { RoomList = true }));
        Assert.Equal(["b"], await ListAsync(new VideoGrant { RoomList = true, Room = "b" }));
        Assert.Empty(await ListAsync(new VideoGrant { RoomList = true, Room = "c" }));
        Assert.Equal(403, (await _server.SendAsync("GET", "/v1/rooms", Video(new VideoGrant { RoomAdmin = true, RoomCreate = true }))).Code);
    }

    [Fact]
    public async Task RoomAdmin_changes_its_room_or_with_none_every_room()
    {
        foreach ((VideoGrant grant, int status) in new[]
        {
            (new VideoGrant { RoomAdmin = true }, 200), (new VideoGrant { RoomAdmin = true, Room = "a" }, 200),
            (new VideoGrant { RoomAdmin = true, Room = "b" }, 403), (_join with { RoomList = true }, 403),
        })
        {
            Assert.Equal(status, (await _server.SendAsync("PATCH", "/v1/rooms/a", Video(grant), """{"metadata":"m"}""")).Code);
        }
    }

    /// <summary>There is nothing yet that records: the claim can be given on, by who has it.</summary>
    [Theory]
    [InlineData(true, 200)]
    [InlineData(false, 403)]
    public async Task RoomRecord_is_given_by_who_has_it(bool has, int status)
    {
        string token = Video(new VideoGrant { RoomAdmin = true, RoomRecord = has });
        Assert.Equal(status, (await _server.SendAsync("POST", "/v1/tokens", token, """{"room":"a","identity":"you","roomRecord":true}""")).Code);
    }

    private string Video(VideoGrant grant) => Sign(token => token with { Video = grant });

    private string Sign(Func<AccessToken, AccessToken> change, string secret = RunningServer.Secret) =>
        change(new AccessToken { Issuer = RunningServer.Key, Subject = "me", ExpiresUnixSeconds = Now + 60, Video = _join }).Sign(Encoding.UTF8.GetBytes(secret));

    private async Task<int> WhipAsync(string token) => (await _server.SendAsync("POST", "/v1/rooms/a/whip", token, "v=0", Sdp)).Code;

    private async Task<int> WhepAsync(string token) => (await _server.SendAsync("POST", "/v1/rooms/a/whep", token, "v=0", Sdp)).Code;

    private async Task<string[]> ListAsync(VideoGrant grant)
    {
        JsonElement rooms = (await _server.SendAsync("GET", "/v1/rooms", Video(grant))).Json.GetProperty("rooms");
        return [.. rooms.EnumerateArray().Select(room => room.GetProperty("name").GetString()!)];
    }
}
