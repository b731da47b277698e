using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using V100.Server.Control;
using V100.Server.Webhooks;

namespace V100.Server.Tests.Webhooks;

/// <summary>Events are posted, signed, in the order of their room, until they are taken; and the API shows how it goes.</summary>
public sealed class WebhookTests : IAsyncLifetime
{
    private WebhookReceiver _receiver = null!;
    private RunningServer _server = null!;

    public async Task InitializeAsync()
    {
        _receiver = await WebhookReceiver.StartAsync();
        _server = await RunningServer.StartWithMediaAsync(
            $"--V100:Webhooks:Urls:0={_receiver.Url("/one?token=hidden")}", "--V100:Webhooks:MaxAgeSeconds=100", "--V100:Rooms:EmptyTimeoutSeconds=86400");
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Fact]
    public async Task What_becomes_of_a_room_is_posted_in_its_order_with_what_it_is_about()
    {
        await CreateAsync("a");
        Reply joined = await _server.SendAsync(
            "POST", "/v1/rooms/a/whip", _server.Token("alice", new VideoGrant { RoomJoin = true, Room = "a" }, name: "Alice"),
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Offers", "chromium-audio-video-sendonly.sdp")), "application/sdp");
        Assert.Equal(201, joined.Code);
        await _server.SendAsync("DELETE", "/v1/rooms/a", "basic");
        ReceivedPost[] posts = [.. await NextAsync(6)];
        Assert.Equal(["room_created", "participant_joined", "session_opened", "session_closed", "participant_left", "room_ended"], posts.Select(post => post.Event));
        Assert.All(posts, post => Assert.Equal("a", post.Room));
        Assert.Equal(("alice", "Alice"), (posts[1].Json.GetProperty("participant").GetProperty("identity").GetString(), posts[1].Json.GetProperty("participant").GetProperty("name").GetString()));
        Assert.Equal("whip", posts[2].Json.GetProperty("session").GetProperty("kind").GetString());
        Assert.EndsWith(posts[2].Json.GetProperty("session").GetProperty("id").GetString()!, joined.Header("Location"));
        Assert.Equal("room_closed", posts[3].Json.GetProperty("reason").GetString());
        Assert.Equal("deleted", posts[5].Json.GetProperty("reason").GetString());
        Assert.Equal(6, posts.Select(post => post.Json.GetProperty("id").GetString()).Distinct().Count());
        Assert.Equal(_server.Time.GetUtcNow(), posts[0].Json.GetProperty("at").GetDateTimeOffset());
    }

    [Fact]
    public async Task A_post_is_signed_with_the_API_key_over_its_body()
    {
        await CreateAsync("a");
        ReceivedPost post = await _receiver.NextAsync();
        Assert.Equal(("/one", "application/webhook+json"), (post.Path, post.Type));
        string[] parts = post.Authorization.Split('.');
        Assert.Equal(3, parts.Length);
        byte[] mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(RunningServer.Secret), Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"));
        Assert.Equal(mac, Base64Url.DecodeFromChars(parts[2]));
        Assert.Equal("HS256", JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0])).RootElement.GetProperty("alg").GetString());
        JsonElement claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1])).RootElement;
        Assert.Equal(RunningServer.Key, claims.GetProperty("iss").GetString());
        Assert.Equal(Convert.ToBase64String(SHA256.HashData(post.Body)), claims.GetProperty("sha256").GetString());
        Assert.Equal(_server.Time.GetUtcNow().ToUnixTimeSeconds() + 300, claims.GetProperty("exp").GetInt64());
    }

    [Fact]
    public async Task A_room_waits_for_its_event_that_fails_and_no_other_room_does()
    {
        bool fails = true;
        _receiver.Answer = post => Task.FromResult(post.Room == "slow" && Volatile.Read(ref fails) ? 500 : 200);
        int idle = _server.Time.Pending;
        await CreateAsync("slow");
        await _server.SendAsync("DELETE", "/v1/rooms/slow", "basic");
        Assert.Equal("room_created", (await _receiver.NextAsync()).Event);
        await CreateAsync("quick");
        Assert.Equal("quick", (await _receiver.NextAsync()).Room);
        for (int failures = 1; failures <= 3; failures++)
        {
            await UntilAsync(() => _server.Time.Pending == idle + 1);
            TimeSpan least = WebhookBackoff.First * Math.Pow(2, failures - 1) / 2;
            _server.Time.Advance(least - TimeSpan.FromMilliseconds(1));
            Assert.Equal(idle + 1, _server.Time.Pending);
            Volatile.Write(ref fails, failures < 3);
            _server.Time.Advance(least + TimeSpan.FromMilliseconds(1));
            Assert.Equal("room_created", (await _receiver.NextAsync()).Event);
        }

        Assert.Equal("room_ended", (await _receiver.NextAsync()).Event);
        JsonElement[] deliveries = await DeliveriesAsync(settled: true);
        Assert.Equal(["room_created", "room_ended", "room_created"], deliveries.Select(delivery => delivery.GetProperty("kind").GetString()));
        Assert.Equal([1, 1, 4], deliveries.Select(delivery => delivery.GetProperty("attempts").GetInt32()));
    }

    [Fact]
    public async Task A_slow_receiver_holds_up_no_other_URL_and_no_other_room()
    {
        await using WebhookReceiver second = await WebhookReceiver.StartAsync();
        await using RunningServer server = await RunningServer.StartAsync($"--V100:Webhooks:Urls:0={_receiver.Url("/")}", $"--V100:Webhooks:Urls:1={second.Url("/")}");
        TaskCompletionSource<int> late = new();
        _receiver.Answer = _ => late.Task;
        for (int index = 0; index < 3; index++)
        {
            Assert.Equal(202, (await server.SendAsync("POST", "/v1/webhooks/test", "basic")).Code);
        }

        for (int index = 0; index < 3; index++)
        {
            Assert.Equal("test", (await second.NextAsync()).Event);
        }

        await _receiver.NextAsync();
        Assert.False(_receiver.HasNext);
        late.SetResult(200);
        await _receiver.NextAsync();
        await _receiver.NextAsync();
    }

    [Fact]
    public async Task Redirects_are_not_followed_and_what_is_too_old_is_given_up()
    {
        _receiver.Answer = _ => Task.FromResult(302);
        int idle = _server.Time.Pending;
        Reply test = await _server.SendAsync("POST", "/v1/webhooks/test", "basic");
        Assert.Equal(202, test.Code);
        await _receiver.NextAsync();
        await UntilAsync(() => _server.Time.Pending == idle + 1);
        JsonElement waiting = Assert.Single(await DeliveriesAsync(settled: false));
        Assert.Equal(("waiting", 302, "The receiver answered 302."), (waiting.GetProperty("state").GetString(), waiting.GetProperty("status").GetInt32(), waiting.GetProperty("error").GetString()));
        Assert.Equal(_receiver.Url("/one"), waiting.GetProperty("url").GetString());
        Assert.Equal(test.Json.GetProperty("id").GetString(), waiting.GetProperty("event").GetString());
        Assert.False(waiting.TryGetProperty("room", out _));
        _server.Time.Advance(TimeSpan.FromSeconds(101));
        Assert.Equal("/one", (await _receiver.NextAsync()).Path);
        JsonElement given = Assert.Single(await DeliveriesAsync(settled: true));
        Assert.Equal(("given_up", 2), (given.GetProperty("state").GetString(), given.GetProperty("attempts").GetInt32()));
        Assert.Contains("v100_webhooks_total{kind=\"given_up\"} 1", (await _server.SendAsync("GET", "/metrics")).Body);
    }

    [Fact]
    public async Task What_a_process_leaves_the_next_one_posts_in_the_same_order()
    {
        string store = $"--V100:Store:Path={TemporaryFolder.NewPath()}/v100.db";
        string[] arguments = [$"--V100:Webhooks:Urls:0={_receiver.Url("/")}", store];
        _receiver.Answer = _ => Task.FromResult(503);
        await using (RunningServer first = await RunningServer.StartWithMediaAsync([.. arguments, $"--V100:Webhooks:Urls:1={_receiver.Url("/gone")}"]))
        {
            foreach (string room in (string[])["a", "b"])
            {
                await first.SendAsync("POST", "/v1/rooms", "basic", $$"""{"name":"{{room}}"}""");
                await first.SendAsync("DELETE", $"/v1/rooms/{room}", "basic");
            }

            await first.Records.Store.FlushAsync();
            await NextAsync(4);
        }

        _receiver.Answer = _ => Task.FromResult(200);
        while (_receiver.HasNext)
        {
            await _receiver.NextAsync();
        }

        await using RunningServer second = await RunningServer.StartWithMediaAsync(arguments);
        ReceivedPost[] posts = [.. await NextAsync(4)];
        foreach (string room in (string[])["a", "b"])
        {
            Assert.Equal(["room_created", "room_ended"], posts.Where(post => post.Room == room).Select(post => post.Event));
        }

        // The first waits until all have been taken up, the second until those without a URL are marked.
        await second.Records.Store.FlushAsync();
        await second.Records.Store.FlushAsync();
        Reply reply = await second.SendAsync("GET", "/v1/webhooks/deliveries", "basic");
        Assert.Equal(4, reply.Json.GetProperty("deliveries").EnumerateArray().Count(delivery => delivery.GetProperty("state").GetString() == "given_up"));
    }

    [Fact]
    public async Task Deliveries_are_paged_and_read_by_who_administers_the_server()
    {
        for (int index = 0; index < 5; index++)
        {
            await CreateAsync($"r{index}");
        }

        await NextAsync(5);
        Reply first = await _server.SendAsync("GET", "/v1/webhooks/deliveries?limit=3", _server.AdminToken());
        Reply second = await _server.SendAsync("GET", $"/v1/webhooks/deliveries?limit=3&cursor={first.Json.GetProperty("next").GetString()}", "basic");
        Assert.Equal(["r4", "r3", "r2", "r1", "r0"], new[] { first, second }.SelectMany(page => page.Json.GetProperty("deliveries").EnumerateArray()).Select(delivery => delivery.GetProperty("room").GetString()));
        Assert.False(second.Json.TryGetProperty("next", out _));
        Assert.Equal("cursor", (await _server.SendAsync("GET", "/v1/webhooks/deliveries?cursor=z", "basic")).Problem(400, "invalid-field").GetProperty("field").GetString());
        Assert.Equal("limit", (await _server.SendAsync("GET", "/v1/webhooks/deliveries?limit=z", "basic")).Problem(400, "invalid-field").GetProperty("field").GetString());
    }

    [Theory]
    [InlineData("GET", "/v1/webhooks/deliveries")]
    [InlineData("POST", "/v1/webhooks/test")]
    public async Task Only_who_administers_the_server_may(string method, string path)
    {
        (await _server.SendAsync(method, path)).Problem(401, "unauthorized");
        (await _server.SendAsync(method, path, _server.JoinToken("me", "a"))).Problem(403, "forbidden");
        (await _server.SendAsync(method, path, _server.AdminToken("a"))).Problem(403, "forbidden");
        Assert.False(_receiver.HasNext);
    }

    [Fact]
    public async Task A_test_without_any_URL_is_a_conflict()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal("V100:Webhooks:Urls", (await server.SendAsync("POST", "/v1/webhooks/test", "basic")).Problem(409, "no-webhooks").GetProperty("field").GetString());
    }

    [Fact]
    public void Pauses_double_up_to_a_bound_with_jitter_between_half_and_all()
    {
        Assert.Equal(TimeSpan.FromMilliseconds(250), WebhookBackoff.After(1, 0));
        Assert.Equal(TimeSpan.FromMilliseconds(500), WebhookBackoff.After(1, 1));
        Assert.Equal(TimeSpan.FromSeconds(2), WebhookBackoff.After(3, 1));
        Assert.Equal(WebhookBackoff.Longest / 2, WebhookBackoff.After(7, 0));
        Assert.Equal(WebhookBackoff.Longest, WebhookBackoff.After(int.MaxValue, 1));
    }

    private async Task CreateAsync(string room) => Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms", "basic", $$"""{"name":"{{room}}"}""")).Code);

    private async Task<List<ReceivedPost>> NextAsync(int count)
    {
        List<ReceivedPost> posts = [];
        while (posts.Count < count)
        {
            posts.Add(await _receiver.NextAsync());
        }

        return posts;
    }

    /// <param name="settled">Only when nothing waits any more: an answer is written down after the receiver gave it.</param>
    private async Task<JsonElement[]> DeliveriesAsync(bool settled)
    {
        JsonElement[] deliveries = [];
        await UntilAsync(async () =>
        {
            await _server.Records.Store.FlushAsync();
            deliveries = [.. (await _server.SendAsync("GET", "/v1/webhooks/deliveries", "basic")).Json.GetProperty("deliveries").EnumerateArray()];
            return !settled || Array.TrueForAll(deliveries, delivery => delivery.GetProperty("state").GetString() != "waiting");
        });
        return deliveries;
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        while (!await condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
