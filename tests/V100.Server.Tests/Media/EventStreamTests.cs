using System.Globalization;
using System.Text.Json;
using V100.Server.Control;
using V100.Sfu.Rooms;

namespace V100.Server.Tests.Media;

/// <summary>The stream of a room's events over HTTP, with the offers of real clients; no client connects.</summary>
public sealed class EventStreamTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await RunningServer.StartWithMediaAsync("--V100:Events:MaxStreamsPerRoom=3", "--V100:Events:MaxStreams=4");
        Assert.Equal(201, (await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"a"}""")).Code);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_stream_begins_with_a_snapshot_and_goes_on_with_what_changes()
    {
        await JoinAsync("me");
        using EventClient events = await OpenAsync();
        Assert.Equal(TimeSpan.Zero, events.Response.Headers.CacheControl?.MaxAge ?? TimeSpan.Zero);
        Assert.True(events.Response.Headers.CacheControl!.NoStore);
        ServerEvent snapshot = await events.ReadAsync("snapshot");
        Assert.Equal("a", snapshot.Json.GetProperty("room").GetString());
        JsonElement me = Assert.Single(snapshot.Json.GetProperty("participants").EnumerateArray());
        Assert.Equal("me", me.GetProperty("identity").GetString());
        Assert.Empty(me.GetProperty("tracks").EnumerateArray());

        string session = await JoinAsync("you");
        JsonElement joined = Assert.Single((await events.ReadAsync("tick")).Changes);
        Assert.Equal(("participant_joined", "you"), (joined.GetProperty("type").GetString(), joined.GetProperty("identity").GetString()));
        Assert.Equal(200, (await _server.SendAsync("DELETE", session, "basic")).Code);
        JsonElement left = Assert.Single((await events.ReadAsync("tick")).Changes);
        Assert.Equal(("participant_left", "you"), (left.GetProperty("type").GetString(), left.GetProperty("identity").GetString()));
    }

    [Fact]
    public async Task A_stream_that_broke_goes_on_where_it_stopped()
    {
        string id;
        using (EventClient events = await OpenAsync())
        {
            id = (await events.ReadAsync("snapshot")).Id;
        }

        await JoinAsync("me");
        await JoinAsync("you");
        using EventClient again = await OpenAsync(id);
        string[] joined = ["", ""];
        int count = 0;
        while (count < 2)
        {
            ServerEvent tick = await again.ReadAsync("tick");
            id = tick.Id;
            foreach (JsonElement change in tick.Changes)
            {
                joined[count++] = change.GetProperty("identity").GetString()!;
            }
        }

        Assert.Equal(["me", "you"], joined);
        using EventClient last = await OpenAsync(id);
        await JoinAsync("them");
        Assert.Equal("them", Assert.Single((await last.ReadAsync("tick")).Changes).GetProperty("identity").GetString());
    }

    [Theory]
    [InlineData("0123456789abcdef-0")]
    [InlineData("42")]
    [InlineData("zz zz")]
    public async Task An_id_that_is_not_known_begins_anew(string id)
    {
        using EventClient events = await OpenAsync(id);
        await events.ReadAsync("snapshot");
    }

    [Fact]
    public async Task The_end_of_the_room_ends_the_stream()
    {
        await JoinAsync("me");
        using EventClient events = await OpenAsync();
        await events.ReadAsync("snapshot");
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/rooms/a", "basic")).Code);
        Assert.Equal("participant_left", Assert.Single((await events.ReadAsync("tick")).Changes).GetProperty("type").GetString());
        Assert.Equal("room_ended", (await events.ReadAsync("end")).Json.GetProperty("reason").GetString());
        Assert.Null(await events.ReadAsync());
        await AssertNoStreamAsync();
    }

    [Fact]
    public async Task The_end_of_the_server_ends_the_stream()
    {
        using EventClient events = await OpenAsync();
        await events.ReadAsync("snapshot");
        Task stopped = _server.Host.StopAsync();
        Assert.Equal("server_stopping", (await events.ReadAsync("end")).Json.GetProperty("reason").GetString());
        Assert.Null(await events.ReadAsync());
        await stopped;
    }

    [Fact]
    public async Task The_end_of_the_token_ends_the_stream_and_comments_keep_it_alive_until_then()
    {
        using EventClient events = await OpenAsync();
        using EventClient forever = await EventClient.OpenAsync(_server, "a", _server.Token("", new VideoGrant { RoomList = true }));
        await events.ReadAsync("snapshot");
        _server.Time.Advance(TimeSpan.FromSeconds(16));
        await JoinAsync("me");
        await events.ReadAsync("tick");
        Assert.Equal(1, events.Comments);

        // The token lives an hour, and is taken for a minute longer.
        _server.Time.Advance(TimeSpan.FromHours(1) + TimeSpan.FromSeconds(AccessToken.LeewaySeconds));
        Assert.Equal("token_expired", (await events.ReadAsync("end")).Json.GetProperty("reason").GetString());
        Assert.Null(await events.ReadAsync());
    }

    [Fact]
    public async Task Who_may_read_the_room_may_listen_and_nobody_else()
    {
        (await _server.SendAsync("GET", "/v1/rooms/a/events")).Problem(401, "unauthorized");
        foreach (string token in new[] { _server.JoinToken("me", "b"), _server.AdminToken("b"), _server.Token("me", new VideoGrant { RoomCreate = true, Room = "a" }) })
        {
            (await _server.SendAsync("GET", "/v1/rooms/a/events", token)).Problem(403, "forbidden");
        }

        (await _server.SendAsync("GET", "/v1/rooms/b/events", "basic")).Problem(404, "room-not-found");
        (await _server.SendAsync("GET", "/v1/rooms/%01/events", "basic")).Problem(400, "invalid-field");
        foreach (string token in new[] { _server.JoinToken("me", "a"), _server.AdminToken("a"), _server.AdminToken(), _server.Token("", new VideoGrant { RoomList = true }) })
        {
            using EventClient events = await EventClient.OpenAsync(_server, "a", token);
            await events.ReadAsync("snapshot");
        }
    }

    [Fact]
    public async Task HEAD_says_what_GET_would_and_listens_to_nothing()
    {
        Reply head = await _server.SendAsync("HEAD", "/v1/rooms/a/events", "basic");
        Assert.Equal((200, "text/event-stream", ""), (head.Code, head.Type, head.Body));
        await AssertNoStreamAsync();
    }

    [Fact]
    public async Task Streams_are_bounded_by_room_and_by_server_and_a_client_that_goes_makes_room()
    {
        await _server.SendAsync("POST", "/v1/rooms", "basic", """{"name":"b"}""");
        EventClient first = await OpenAsync();
        await first.ReadAsync("snapshot");
        using EventClient second = await OpenAsync();
        using EventClient third = await OpenAsync();
        Reply refused = await _server.SendAsync("GET", "/v1/rooms/a/events", "basic");
        Assert.Contains("V100:Events:MaxStreamsPerRoom", refused.Problem(429, "too-many-streams").GetProperty("detail").GetString());
        Assert.Equal("5", refused.Header("Retry-After"));
        using EventClient elsewhere = await EventClient.OpenAsync(_server, "b", _server.AdminToken());
        Assert.Contains("V100:Events:MaxStreams)", (await _server.SendAsync("GET", "/v1/rooms/b/events", "basic")).Problem(429, "too-many-streams").GetProperty("detail").GetString());
        first.Dispose();
        await AssertStreamsAsync(3);
        using EventClient fourth = await OpenAsync();
        await fourth.ReadAsync("snapshot");
    }

    [Fact]
    public async Task A_client_that_reads_too_slowly_gets_a_snapshot_in_place_of_what_it_missed_and_delays_nobody()
    {
        await JoinAsync("me");
        using EventClient slow = await OpenSlowAsync();
        using EventClient eager = await OpenAsync();
        await eager.ReadAsync("snapshot");
        int told = await RenameUntilStalledAsync(eager);
        int events = 0;
        ServerEvent? last;
        string? name;
        do
        {
            events++;
            last = await slow.ReadAsync();
            JsonElement json = last!.Json;
            name = (last.Type == "snapshot" ? json.GetProperty("participants")[0] : json.GetProperty("changes")[0]).TryGetProperty("name", out JsonElement value) ? value.GetString() : null;
        }
        while (name?.StartsWith(NameOf(told - 1), StringComparison.Ordinal) != true);

        Assert.True(events < told);
        Assert.NotEqual(0, await MetricAsync("v100_event_streams_total{kind=\"fell_behind\"}"));
    }

    [Fact]
    public async Task A_client_that_takes_nothing_is_closed_and_leaves_nothing_behind()
    {
        await JoinAsync("me");
        using EventClient slow = await OpenSlowAsync();
        using EventClient eager = await OpenAsync();
        await eager.ReadAsync("snapshot");
        await RenameUntilStalledAsync(eager);
        _server.Time.Advance(TimeSpan.FromSeconds(11));
        await AssertStreamsAsync(1);
        Assert.Equal(1, await MetricAsync("v100_event_streams_total{kind=\"closed_slow\"}"));
        Assert.Equal(0, await MetricAsync("v100_stalled_event_streams"));
    }

    /// <summary>Renames until the other client's buffers are full for good: they grow. Returns how often.</summary>
    private async Task<int> RenameUntilStalledAsync(EventClient eager)
    {
        int told = 0;
        for (int stalled = 0; stalled < 10; told++)
        {
            Rename("me", told);
            Assert.StartsWith(NameOf(told), (await eager.ReadAsync("tick")).Changes.Single().GetProperty("name").GetString());
            stalled = await MetricAsync("v100_stalled_event_streams") == 1 ? stalled + 1 : 0;
            Assert.True(told < 1000);
        }

        return told;
    }

    /// <summary>So long a name that the room keeps one of them, and that few of them fill every buffer.</summary>
    private void Rename(string identity, int turn) => _server.Media.Use((rooms, _) =>
    {
        Assert.True(rooms.TryGetRoom("a", out Room room));
        Assert.True(room.TryGetParticipant(identity, out Participant participant));
        participant.Name = NameOf(turn) + new string('x', TickLog.MaxBytes * 3 / 4);
        RoomDirectory.TellUpdated(participant);
        return turn;
    });

    private static string NameOf(int turn) => $"name {turn} ";

    private async Task<double> MetricAsync(string name)
    {
        string metrics = (await _server.SendAsync("GET", "/metrics")).Body;
        string line = metrics.Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    private Task<EventClient> OpenSlowAsync() => EventClient.OpenAsync(_server, "a", _server.JoinToken("me", "a"), receiveBufferBytes: 4096);

    private Task<EventClient> OpenAsync(string? lastEventId = null) => EventClient.OpenAsync(_server, "a", _server.JoinToken("me", "a"), lastEventId);

    /// <summary>Returns where the session is.</summary>
    private async Task<string> JoinAsync(string identity)
    {
        string offer = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Offers", "pion-audio-video-sendonly.sdp"));
        Reply reply = await _server.SendAsync("POST", "/v1/rooms/a/whip", _server.JoinToken(identity, "a"), offer, "application/sdp");
        Assert.Equal(201, reply.Code);
        return reply.Header("Location");
    }

    private Task AssertNoStreamAsync() => AssertStreamsAsync(0);

    /// <summary>The server sees that a client is gone a moment after it went.</summary>
    private async Task AssertStreamsAsync(int count)
    {
        double streams = -1;
        for (int attempt = 0; attempt < 1000 && streams != count; attempt++)
        {
            streams = await MetricAsync("v100_event_streams");
        }

        Assert.Equal(count, streams);
    }
}
