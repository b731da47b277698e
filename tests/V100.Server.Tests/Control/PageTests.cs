using System.Text.RegularExpressions;

namespace V100.Server.Tests.Control;

/// <summary>Lists in pages: by the Link of one to the next.</summary>
public sealed partial class PageTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartWithMediaAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Rooms_come_in_the_order_of_their_names_page_by_page_while_others_come_and_go()
    {
        string[] names = ["Zoë's", "a/b", "a%2Fb", "b c", "c&d=e", "d>", "🎥"];
        foreach (string name in names)
        {
            Assert.Equal(201, (await CreateAsync(name)).Code);
        }

        List<string> seen = [];
        string path = "/v1/rooms?limit=2";
        while (path.Length > 0)
        {
            Reply page = await _server.SendAsync("GET", path, "basic");
            seen.AddRange(page.Json.GetProperty("rooms").EnumerateArray().Select(room => room.GetProperty("name").GetString()!));
            path = NextOf(page);

            // The room that the next page begins behind goes, and one comes before it.
            Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/" + Uri.EscapeDataString(seen[^1]), "basic")).Code);
            await CreateAsync("A" + seen[^1]);
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), seen);
    }

    [Fact]
    public async Task Participants_come_in_pages_under_a_room_of_any_name()
    {
        string offer = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Offers", "pion-audio-video-sendonly.sdp"));
        foreach (string identity in new[] { "c", "a", "b" })
        {
            Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms/x%2Fy/whip", _server.JoinToken(identity, "x/y"), offer, "application/sdp")).Code);
        }

        List<string> seen = [];
        string path = "/v1/rooms/x%2Fy/participants?limit=1";
        for (int page = 0; path.Length > 0; page++)
        {
            Assert.True(page < 3);
            Reply reply = await _server.SendAsync("GET", path, _server.JoinToken("a", "x/y"));
            seen.Add(Assert.Single(reply.Json.GetProperty("participants").EnumerateArray()).GetProperty("identity").GetString()!);
            path = NextOf(reply);
        }

        Assert.Equal(["a", "b", "c"], seen);
    }

    [Fact]
    public async Task A_page_that_holds_all_has_no_next()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        Assert.Equal("", (await _server.SendAsync("GET", "/v1/rooms?limit=2", "basic")).Header("Link"));
        Assert.Equal("", (await _server.SendAsync("GET", "/v1/rooms", "basic")).Header("Link"));
        Assert.NotEqual("", (await _server.SendAsync("GET", "/v1/rooms?limit=1", "basic")).Header("Link"));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("limit=", "limit")]
    [InlineData("limit=1&limit=2", "limit")]
    [InlineData("cursor=", "cursor")]
    [InlineData("cursor=%3D", "cursor")]
    [InlineData("cursor=_w", "cursor")]
    [InlineData("cursor=Bw", "cursor")]
    public async Task A_page_that_is_none_is_a_400(string query, string field)
    {
        Reply reply = await _server.SendAsync("GET", "/v1/rooms?" + query, "basic");
        Assert.Equal(field, reply.Problem(400, "invalid-field").GetProperty("field").GetString());
    }

    private Task<Reply> CreateAsync(string name) => _server.SendAsync("POST", "/v1/rooms", "basic", $$"""{"name":"{{name}}"}""");

    private static string NextOf(Reply page)
    {
        Match match = Next().Match(page.Header("Link"));
        Assert.Equal(page.Header("Link").Length > 0, match.Success);
        return match.Groups[1].Value;
    }

    [GeneratedRegex("^<(/v1/[^ >]+)>; rel=\"next\"$")]
    private static partial Regex Next();
}
