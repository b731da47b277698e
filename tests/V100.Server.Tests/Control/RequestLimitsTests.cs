using System.Globalization;
using System.Text;
using System.Text.Json;
using V100.Server.Configuration;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class RequestLimitsTests
{
    /// <summary>Far more than fit into the time that so many requests take.</summary>
    private const int Flood = 2000;

    [Fact]
    public async Task A_key_beyond_its_rate_is_refused_and_another_one_is_not()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Http:RequestsPerSecondPerKey=3", $"--V100:ApiKeys:key2={RunningServer.Secret}2");
        string other = new AccessToken
        {
            Issuer = "key2",
            ExpiresUnixSeconds = server.Time.GetUtcNow().ToUnixTimeSeconds() + 60,
            Video = VideoGrant.Everything,
        }.Sign(Encoding.UTF8.GetBytes(RunningServer.Secret + "2"));

        // A second's worth at once, by the key itself and by any of its tokens.
        Assert.Equal(200, (await server.SendAsync("GET", "/v1/rooms", "basic")).Code);
        Assert.Equal(200, (await server.SendAsync("GET", "/v1/rooms", server.AdminToken())).Code);
        JsonElement problem = (await FloodAsync(server, "/v1/rooms", server.AdminToken())).Problem(429, "too-many-requests");
        Assert.Contains("V100:Http:RequestsPerSecondPerKey", problem.GetProperty("detail").GetString());
        Assert.Equal(200, (await server.SendAsync("GET", "/v1/rooms", other)).Code);
        (await server.SendAsync("GET", "/v1/rooms")).Problem(401, "unauthorized");
    }

    [Fact]
    public async Task An_address_beyond_its_rate_is_refused_before_anything_is_looked_at_but_for_health()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Http:RequestsPerSecondPerAddress=2");
        JsonElement problem = (await FloodAsync(server, "/v1/rooms", token: null)).Problem(429, "too-many-requests");
        Assert.Contains("V100:Http:RequestsPerSecondPerAddress", problem.GetProperty("detail").GetString());
        for (int request = 0; request < 10; request++)
        {
            Assert.Equal(200, (await server.SendAsync("GET", "/healthz")).Code);
            Assert.Equal(200, (await server.SendAsync("GET", "/readyz")).Code);
        }
    }

    [Fact]
    public async Task Zero_sets_no_limit()
    {
        await using RunningServer server = await RunningServer.StartAsync("--V100:Http:RequestsPerSecondPerKey=0", "--V100:Http:RequestsPerSecondPerAddress=0");
        for (int request = 0; request < 50; request++)
        {
            Assert.Equal(200, (await server.SendAsync("GET", "/v1/rooms", "basic")).Code);
        }
    }

    [Fact]
    public void By_default_an_administrator_may_ask_two_thousand_times_a_second()
    {
        (_, ServerOptions options) = RunningServer.Configure();
        Assert.True(Math.Min(options.RequestsPerSecondPerKey, options.RequestsPerSecondPerAddress) >= 2000);
    }

    /// <summary>Asks until it is refused.</summary>
    private static async Task<Reply> FloodAsync(RunningServer server, string path, string? token)
    {
        for (int request = 0; request < Flood; request++)
        {
            Reply reply = await server.SendAsync("GET", path, token);
            if (reply.Code == 429)
            {
                Assert.InRange(int.Parse(reply.Header("Retry-After"), CultureInfo.InvariantCulture), 1, 2);
                return reply;
            }
        }

        throw new InvalidOperationException($"{Flood} requests, and none was refused");
    }
}
