using System.Text.Json;
using V100.Server.Storage;

namespace V100.Server.Tests.Control;

/// <summary>What is audited, and GET /v1/audit.</summary>
public sealed class AuditEndpointsTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync("--V100:Audit:MaxEntries=1000");

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Every_administrative_call_stands_there_with_who_what_result_and_from_where()
    {
        await _server.SendAsync("POST", "/v1/rooms?secret=query", "basic", """{"name":"a","metadata":"secret body"}""");
        await _server.SendAsync("GET", "/v1/rooms/a", _server.Token("boss", new() { RoomAdmin = true, Room = "a" }));
        await _server.SendAsync("DELETE", "/v1/rooms/no%20thing?b=c", "basic");
        await _server.SendAsync("DELETE", "/v1/rooms/a", _server.JoinToken("me", "a"));
        JsonElement[] entries = await ReadAsync("");
        Assert.Equal(
            [
                "DELETE /v1/rooms/a 403 key1 me 127.0.0.1",
                "DELETE /v1/rooms/no%20thing 404 key1  127.0.0.1",
                "GET /v1/rooms/a 200 key1 boss 127.0.0.1",
                "POST /v1/rooms 201 key1  127.0.0.1",
            ],
            entries.Select(Line));
        Assert.All(entries, entry => Assert.Equal(_server.Time.GetUtcNow(), entry.GetProperty("at").GetDateTimeOffset()));
        Assert.DoesNotContain("secret", string.Concat(entries.Select(entry => entry.GetRawText())));
    }

    [Fact]
    public async Task What_participants_do_and_what_nobody_is_known_to_have_done_does_not()
    {
        await _server.SendAsync("GET", "/v1/rooms/a", _server.JoinToken("me", "a"));
        await _server.SendAsync("GET", "/v1/ice-servers", _server.JoinToken("me", "a"));
        await _server.SendAsync("DELETE", "/v1/rooms/a");
        await _server.SendAsync("DELETE", "/v1/rooms/a", "not.a.token");
        await _server.SendAsync("GET", "/healthz", "basic");
        Assert.Empty(await ReadAsync(""));
    }

    [Fact]
    public async Task It_is_read_by_span_and_page_the_last_first()
    {
        for (int index = 0; index < 5; index++)
        {
            await _server.SendAsync("GET", $"/v1/rooms/r{index}", "basic");
            _server.Time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(["r2", "r1"], (await ReadAsync("?from=2030-01-01T00:01:00Z&to=2030-01-01T00:02:30Z")).Select(Room));
        Reply first = await _server.SendAsync("GET", "/v1/audit?limit=2&to=2030-01-01T00:04:30Z", "basic");
        Assert.Equal(["r4", "r3"], first.Json.GetProperty("entries").EnumerateArray().Select(Room));
        JsonElement[] second = await ReadAsync($"?limit=3&to=2030-01-01T00:04:30Z&cursor={first.Json.GetProperty("next").GetString()}");
        Assert.Equal(["r2", "r1", "r0"], second.Select(Room));
    }

    [Theory]
    [InlineData("from=soon", "from")]
    [InlineData("to=never", "to")]
    [InlineData("limit=-1", "limit")]
    [InlineData("cursor=x", "cursor")]
    public async Task A_bad_query_names_the_field(string query, string field)
    {
        Assert.Equal(field, (await _server.SendAsync("GET", "/v1/audit?" + query, "basic")).Problem(400, "invalid-field").GetProperty("field").GetString());
    }

    [Fact]
    public async Task Only_who_administers_the_server_reads_it()
    {
        (await _server.SendAsync("GET", "/v1/audit")).Problem(401, "unauthorized");
        (await _server.SendAsync("GET", "/v1/audit", _server.JoinToken("me", "a"))).Problem(403, "forbidden");
        (await _server.SendAsync("GET", "/v1/audit", _server.AdminToken("a"))).Problem(403, "forbidden");
        Assert.Equal(200, (await _server.SendAsync("GET", "/v1/audit", _server.AdminToken())).Code);
    }

    [Fact]
    public async Task The_oldest_leave_by_age_and_by_number_and_nothing_changes_one()
    {
        await _server.SendAsync("GET", "/v1/rooms/old", "basic");
        _server.Time.Advance(TimeSpan.FromDays(91));
        await _server.SendAsync("GET", "/v1/rooms/young", "basic");
        await TidyAsync();
        Assert.Equal(["young"], (await ReadAsync("?from=2020-01-01")).Select(Room));
        var forgery = new Sql("UPDATE audit SET status = 200");
        _server.Records.Store.TryPost(forgery);
        await _server.Records.Store.FlushAsync();
        Assert.True(forgery.WasDropped);
        _server.Records.Store.TryPost(new Sql(
            "INSERT INTO audit (at, key, subject, method, path, status, remote) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) " +
            "SELECT 4000000000000, 'k', '', 'GET', '/v1/rooms/n' || i, 200, '' FROM n"));
        await TidyAsync();
        Assert.Equal((1000L, "/v1/rooms/n1500"), await _server.Records.Store.ReadAsync(
            statements => (statements.Whole("SELECT COUNT(*) FROM audit"), statements.Rows("SELECT path FROM audit ORDER BY id DESC LIMIT 1", row => row.GetString(0))[0]), default));
    }

    private async Task TidyAsync()
    {
        await _server.Records.Store.FlushAsync();
        _server.Time.Advance(TimeSpan.FromSeconds(10));
        await _server.Records.Store.FlushAsync();
    }

    private async Task<JsonElement[]> ReadAsync(string query)
    {
        await _server.Records.Store.FlushAsync();
        Reply reply = await _server.SendAsync("GET", "/v1/audit" + query, "basic");
        Assert.True(reply.Code == 200, reply.Body);
        return [.. reply.Json.GetProperty("entries").EnumerateArray()];
    }

    private static string Line(JsonElement entry) => string.Join(' ', new[] { "method", "path", "status", "key", "subject", "remote" }.Select(name => entry.GetProperty(name).ToString()));

    private static string Room(JsonElement entry) => entry.GetProperty("path").GetString()!.Split('/')[^1];

    private sealed class Sql(string text) : StoreWrite
    {
        public bool WasDropped { get; private set; }

        public override void Apply(Statements statements) => statements.Run(text);

        public override void OnDropped() => WasDropped = true;
    }
}
