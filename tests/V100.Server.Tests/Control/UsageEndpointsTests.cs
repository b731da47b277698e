using System.Globalization;
using System.Text.Json;
using V100.Server.Storage;
using V100.Server.Usage;

namespace V100.Server.Tests.Control;

/// <summary>GET /v1/usage.</summary>
public sealed class UsageEndpointsTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Amounts_are_summed_per_room_and_participant_over_the_hours_that_are_meant()
    {
        DateTimeOffset now = _server.Time.GetUtcNow();
        await AddAsync(now.AddHours(-3), "a", "alice", new UsageAmount(PublishedBytes: 1));
        await AddAsync(now.AddHours(-2), "a", "alice", new UsageAmount(1_500_000, 3_000_000, 10, 20));
        await AddAsync(now.AddHours(-1), "a", "alice", new UsageAmount(2_000_000, 4_000_000, 100, 200));
        await AddAsync(now.AddHours(-1), "a", "alice", new UsageAmount(PublishedBytes: 7));
        await AddAsync(now.AddHours(-1), "a", "bob", new UsageAmount(DeliveredBytes: 5));
        await AddAsync(now.AddHours(-1), "", "bob", new UsageAmount(RelayedBytes: 9));
        await AddAsync(now, "a", "alice", new UsageAmount(PublishedBytes: 1000));
        JsonElement usage = await GetAsync($"?from={Iso(now.AddMinutes(-90))}&to={Iso(now.AddMinutes(-1))}");
        Assert.Equal((now.AddHours(-2), now), (usage.GetProperty("from").GetDateTimeOffset(), usage.GetProperty("to").GetDateTimeOffset()));
        Assert.Equal(
            """
            {"room":"","participant":"bob","participantSeconds":0,"trackSeconds":0,"publishedBytes":0,"deliveredBytes":0,"relayedBytes":9}
            {"room":"a","participant":"alice","participantSeconds":3.5,"trackSeconds":7,"publishedBytes":117,"deliveredBytes":220,"relayedBytes":0}
            {"room":"a","participant":"bob","participantSeconds":0,"trackSeconds":0,"publishedBytes":0,"deliveredBytes":5,"relayedBytes":0}
            """,
            string.Join('\n', usage.GetProperty("usage").EnumerateArray().Select(row => row.GetRawText())));

        // Without a span: the last day, with the hour that has just begun.
        JsonElement alice = (await GetAsync("?room=a")).GetProperty("usage")[0];
        Assert.Equal(1118, alice.GetProperty("publishedBytes").GetInt64());
    }

    [Fact]
    public async Task A_room_is_alone_in_its_list_and_its_own_administrator_may_read_it()
    {
        await AddAsync(_server.Time.GetUtcNow(), "a", "alice", new UsageAmount(PublishedBytes: 1));
        await AddAsync(_server.Time.GetUtcNow(), "b", "bob", new UsageAmount(PublishedBytes: 2));
        Reply reply = await _server.SendAsync("GET", "/v1/usage?room=b", _server.AdminToken("b"));
        Assert.Equal("bob", Assert.Single(reply.Json.GetProperty("usage").EnumerateArray()).GetProperty("participant").GetString());
        (await _server.SendAsync("GET", "/v1/usage?room=a", _server.AdminToken("b"))).Problem(403, "forbidden");
        (await _server.SendAsync("GET", "/v1/usage", _server.AdminToken("b"))).Problem(403, "forbidden");
        (await _server.SendAsync("GET", "/v1/usage", _server.JoinToken("me", "a"))).Problem(403, "forbidden");
        (await _server.SendAsync("GET", "/v1/usage")).Problem(401, "unauthorized");
    }

    [Theory]
    [InlineData("from=yesterday", "from")]
    [InlineData("to=2030-13-01", "to")]
    [InlineData("from=1969-12-31T00:00:00Z", "from")]
    [InlineData("from=2030-01-02&to=2030-01-01", "from")]
    [InlineData("from=2020-01-01&to=2030-01-01", "from")]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("cursor=!", "cursor")]
    [InlineData("cursor=YWJj", "cursor")]
    [InlineData("room=..", "room")]
    public async Task A_bad_query_names_the_field_and_what_is_allowed(string query, string field)
    {
        JsonElement problem = (await _server.SendAsync("GET", "/v1/usage?" + query, "basic")).Problem(400, "invalid-field");
        Assert.Equal(field, problem.GetProperty("field").GetString());
        Assert.NotEmpty(problem.GetProperty("allowed").GetString()!);
    }

    [Theory]
    [InlineData("2029-12-31T22:00:00Z")]
    [InlineData("2029-12-31T23:30+01:30")]
    [InlineData("2029-12-31T22:00:00.123Z")]
    [InlineData("2029-12-31T22:00:00")]
    public async Task Times_are_ISO_8601(string time)
    {
        Assert.Equal(new DateTimeOffset(2029, 12, 31, 22, 0, 0, default), (await GetAsync("?from=" + time)).GetProperty("from").GetDateTimeOffset());
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/csv")]
    public async Task Pages_follow_each_other_to_the_last(string type)
    {
        for (int index = 0; index < 7; index++)
        {
            await AddAsync(_server.Time.GetUtcNow(), $"room{index / 3}", $"p{index % 3}, \u00e9", new UsageAmount(PublishedBytes: index + 1));
        }

        List<string> seen = [];
        string? next = "/v1/usage?limit=3";
        while (next is not null)
        {
            Reply reply = await _server.SendAsync("GET", next, "basic", null, "", "Accept", type);
            if (type == "text/csv")
            {
                seen.AddRange(reply.Body.Split("\r\n")[1..^1].Select(line => line.Split(',')[^3]));
                next = reply.Header("Link") is { Length: > 0 } link ? link[1..link.IndexOf('>', StringComparison.Ordinal)] : null;
            }
            else
            {
                seen.AddRange(reply.Json.GetProperty("usage").EnumerateArray().Select(row => row.GetProperty("publishedBytes").GetRawText()));
                next = reply.Json.TryGetProperty("next", out JsonElement cursor) ? "/v1/usage?limit=3&cursor=" + cursor.GetString() : null;
            }

            Assert.True(seen.Count <= 7);
        }

        Assert.Equal(["1", "2", "3", "4", "5", "6", "7"], seen);
    }

    [Fact]
    public async Task A_table_is_quoted_as_RFC_4180_says()
    {
        await AddAsync(_server.Time.GetUtcNow(), "plain", "says \"hi\", loudly", new UsageAmount(1_234_567, 0, 8_000_000_000_000, 0, 1));
        Reply reply = await _server.SendAsync("GET", "/v1/usage", "basic", null, "", "Accept", "text/csv;q=0.9, */*;q=0.1");
        Assert.Equal("text/csv", reply.Type);
        Assert.Equal("Accept", reply.Header("Vary"));
        Assert.Equal(
            "room,participant,participantSeconds,trackSeconds,publishedBytes,deliveredBytes,relayedBytes\r\n" +
            "plain,\"says \"\"hi\"\", loudly\",1.234567,0,8000000000000,0,1\r\n",
            reply.Body);
        Assert.Equal("application/json", (await _server.SendAsync("GET", "/v1/usage", "basic", null, "", "Accept", "application/json, text/csv")).Type);
        Assert.Equal("application/json", (await _server.SendAsync("GET", "/v1/usage", "basic", null, "", "Accept", "text/csv;q=0")).Type);
    }

    [Fact]
    public async Task Usage_leaves_when_it_is_old()
    {
        await AddAsync(_server.Time.GetUtcNow().AddDays(-401), "a", "old", new UsageAmount(PublishedBytes: 1));
        await AddAsync(_server.Time.GetUtcNow().AddDays(-399), "a", "young", new UsageAmount(PublishedBytes: 1));
        _server.Time.Advance(TimeSpan.FromSeconds(10));
        await _server.Records.Store.FlushAsync();
        List<string> kept = await _server.Records.Store.ReadAsync(statements => statements.Rows("SELECT participant FROM usage", row => row.GetString(0)), default);
        Assert.Equal(["young"], kept);
    }

    private static string Iso(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private async Task<JsonElement> GetAsync(string query)
    {
        Reply reply = await _server.SendAsync("GET", "/v1/usage" + query, "basic");
        Assert.True(reply.Code == 200, reply.Body);
        return reply.Json;
    }

    private async Task AddAsync(DateTimeOffset at, string room, string participant, UsageAmount amount)
    {
        var key = new UsageKey(at.ToUnixTimeSeconds() / 3600 * 3600, room, participant);
        _server.Records.Store.TryPost(new Added(key, amount));
        await _server.Records.Store.FlushAsync();
    }

    private sealed class Added(UsageKey key, UsageAmount amount) : StoreWrite
    {
        public override void Apply(Statements statements) => UsageTable.Add(statements, new Dictionary<UsageKey, UsageAmount> { [key] = amount });
    }
}
