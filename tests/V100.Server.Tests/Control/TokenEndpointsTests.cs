using System.Text.Json;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class TokenEndpointsTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_minted_token_carries_what_was_asked_and_works()
    {
        Reply reply = await _server.SendAsync("POST", "/v1/tokens", "basic",
            """{"room":"a","identity":"me","name":"Me","metadata":"m","canPublish":false,"canPublishSources":["camera","screen_share"],"ttlSeconds":60}""");
        Assert.Equal(200, reply.Code);
        AccessToken token = Read(reply);
        Assert.Equal((RunningServer.Key, "me", "Me", "m"), (token.Issuer, token.Subject, token.Name, token.Metadata));
        Assert.Equal(_server.Host.Plane.NowUnixSeconds + 60, token.ExpiresUnixSeconds);
        Assert.Equal(token.ExpiresUnixSeconds, reply.Json.GetProperty("expiresAt").GetDateTimeOffset().ToUnixTimeSeconds());
        Assert.True(token.Video.MaySubscribe("a"));
        Assert.False(token.Video.MayPublish("a"));
        Assert.False(token.Video.RoomAdmin);
        Assert.Equal(["camera", "screen_share"], token.Video.CanPublishSources!);
        (await _server.SendAsync("GET", "/v1/rooms/a", reply.Json.GetProperty("token").GetString())).Problem(404, "room-not-found");
    }

    [Fact]
    public async Task A_token_mints_no_more_than_it_has_and_for_no_longer_than_it_lives()
    {
        string admin = _server.Token("", new VideoGrant { RoomAdmin = true, Room = "a" });
        AccessToken minted = Read(await _server.SendAsync("POST", "/v1/tokens", admin, """{"room":"a","identity":"me","ttlSeconds":604800}"""));
        Assert.Equal(_server.Host.Plane.NowUnixSeconds + 3600, minted.ExpiresUnixSeconds);
        (await _server.SendAsync("POST", "/v1/tokens", admin, """{"room":"b","identity":"me"}""")).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/tokens", admin, """{"roomAdmin":true}""")).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/tokens", admin, """{"room":"a","roomCreate":true}""")).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/tokens", admin, """{"room":"a","roomList":true}""")).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/tokens", admin, """{"room":"a","roomRecord":true}""")).Problem(403, "forbidden");
        (await _server.SendAsync("POST", "/v1/tokens", _server.JoinToken("me", "a"), """{"room":"a","identity":"you"}""")).Problem(403, "forbidden");
    }

    [Theory]
    [InlineData("""{}""", "room")]
    [InlineData("""{"room":"a"}""", "identity")]
    [InlineData("""{"identity":"me"}""", "room")]
    [InlineData("""{"roomAdmin":true,"roomJoin":true}""", "room")]
    [InlineData("""{"room":"a","identity":"me","ttlSeconds":0}""", "ttlSeconds")]
    [InlineData("""{"room":"a","identity":"me","ttlSeconds":604801}""", "ttlSeconds")]
    [InlineData("""{"room":"a","identity":"me","canPublish":"no"}""", "canPublish")]
    [InlineData("""{"room":"a","identity":"me","canPublishSources":["webcam"]}""", "canPublishSources")]
    [InlineData("""{"room":"a","identity":"me","admin":true}""", "admin")]
    [InlineData("""{"room":"a","identity":"me\u0007"}""", "identity")]
    public async Task A_bad_field_is_named(string body, string field)
    {
        JsonElement problem = (await _server.SendAsync("POST", "/v1/tokens", "basic", body)).Problem(400, "invalid-field");
        Assert.Equal(field, problem.GetProperty("field").GetString());
        Assert.NotEmpty(problem.GetProperty("allowed").GetString()!);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer")]
    [InlineData("Bearer x.y.z")]
    [InlineData("Digest abc")]
    [InlineData("Basic ###")]
    [InlineData("Basic a2V5MQ==")]
    [InlineData("Basic a2V5MTp3cm9uZw==")]
    [InlineData("Basic bm9ib2R5OjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm")]
    public async Task Without_good_credentials_there_is_a_401_with_both_challenges(string? authorization)
    {
        Reply reply = authorization is null
            ? await _server.SendAsync("POST", "/v1/tokens", null, "{}")
            : await _server.SendAsync("POST", "/v1/tokens", null, "{}", "application/json", "Authorization", authorization);
        reply.Problem(401, "unauthorized");
        Assert.Contains("Bearer realm=\"v100\"", reply.Header("WWW-Authenticate"));
        Assert.Contains("Basic realm=\"v100\"", reply.Header("WWW-Authenticate"));
        Assert.Equal(authorization is not null, reply.Header("WWW-Authenticate").Contains("invalid_token", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_ends_with_its_time()
    {
        string token = _server.AdminToken();
        Assert.Equal(200, (await _server.SendAsync("GET", "/v1/rooms", token)).Code);
        _server.Time.Advance(TimeSpan.FromSeconds(3600 + 60));
        Assert.Contains("expired", (await _server.SendAsync("GET", "/v1/rooms", token)).Problem(401, "unauthorized").GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Ice_servers_where_TURN_has_users_and_no_secret_are_STUN_alone()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Turn:Users:alice=wonderland");
        (await server.SendAsync("GET", "/v1/ice-servers")).Problem(401, "unauthorized");
        JsonElement servers = (await server.SendAsync("GET", "/v1/ice-servers", server.JoinToken("me", "a"))).Json.GetProperty("iceServers");
        JsonElement stun = Assert.Single(servers.EnumerateArray());
        Assert.Equal("stun:127.0.0.1:3478", stun.GetProperty("urls")[0].GetString());
        Assert.False(stun.TryGetProperty("credential", out _));
    }

    [Fact]
    public async Task Ice_servers_without_any_configuration_carry_a_credential_that_this_server_takes_until_it_ends()
    {
        JsonElement turn = (await _server.SendAsync("GET", "/v1/ice-servers", _server.JoinToken("me", "a"))).Json.GetProperty("iceServers")[1];
        string username = turn.GetProperty("username").GetString()!;
        string password = turn.GetProperty("credential").GetString()!;
        Assert.Null(_server.Host.Reload());
        JsonElement again = (await _server.SendAsync("GET", "/v1/ice-servers", _server.JoinToken("me", "a"))).Json.GetProperty("iceServers")[1];
        Assert.Equal((username, password), (again.GetProperty("username").GetString(), again.GetProperty("credential").GetString()));
    }

    [Fact]
    public async Task Ice_servers_with_a_secret_carry_a_credential_that_the_secret_signed()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Turn:Secrets=north,south", "--V100:Turn:MaxLifetimeSeconds=600", "--V100:PublicAddresses=192.0.2.1,2001:db8::1");
        JsonElement reply = (await server.SendAsync("GET", "/v1/ice-servers", server.JoinToken("me", "a"))).Json;
        JsonElement turn = reply.GetProperty("iceServers")[1];
        long expiry = server.Host.Plane.NowUnixSeconds + 600;
        Assert.Equal($"{expiry}:me", turn.GetProperty("username").GetString());
#pragma warning disable CA5350 // The scheme fixes the hash.
        byte[] expected = System.Security.Cryptography.HMACSHA1.HashData("north"u8, System.Text.Encoding.UTF8.GetBytes($"{expiry}:me"));
#pragma warning restore CA5350
        Assert.Equal(Convert.ToBase64String(expected), turn.GetProperty("credential").GetString());
        Assert.Equal(600, reply.GetProperty("ttlSeconds").GetInt32());
        Assert.Equal(
            ["turn:192.0.2.1:3478?transport=udp", $"turn:192.0.2.1:{server.Host.TcpPort}?transport=tcp", "turn:[2001:db8::1]:3478?transport=udp", $"turn:[2001:db8::1]:{server.Host.TcpPort}?transport=tcp"],
            turn.GetProperty("urls").EnumerateArray().Select(url => url.GetString()));
    }

    private AccessToken Read(Reply reply)
    {
        Assert.Equal(TokenRefusal.None, AccessToken.Verify(reply.Json.GetProperty("token").GetString()!, _server.Host.Plane.Keys, _server.Host.Plane.NowUnixSeconds, out AccessToken? token));
        return token!;
    }
}
