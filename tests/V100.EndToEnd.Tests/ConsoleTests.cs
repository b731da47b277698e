using System.Diagnostics;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>The page as the live console of a call of three, in Chromium; <see cref="ConsoleCall"/> is held once for all of these.</summary>
public sealed class ConsoleTests(ConsoleCall call) : IClassFixture<ConsoleCall>
{
    // contract.md's fields of a beacon.
    private static readonly string[] _beaconFields =
    [
        "session", "at", "framesDecoded", "freezeCount", "totalFreezesDurationMs", "framesPerSecond", "frameWidth", "frameHeight", "packetsLost",
        "packetsReceived", "jitterMs", "roundTripMs", "concealedSamples", "totalSamples", "bytesReceived",
    ];

    [Fact]
    public void Keyboard_alone_joins_and_the_focus_is_seen_at_every_stop()
    {
        JsonElement[] stops = [.. call.The("keyboard").GetProperty("stops").EnumerateArray()];
        Assert.Equal("join", stops[^1].GetProperty("id").GetString());
        Assert.All(stops, stop => Assert.True(stop.GetProperty("ring").GetBoolean(), stop.ToString()));
    }

    [Theory]
    [InlineData("page")]
    [InlineData("page-dark")]
    [InlineData("page-phone")]
    [InlineData("page-phone-dark")]
    public void Light_and_dark_wide_and_on_a_phone_it_is_whole_and_hinders_nobody(string view)
    {
        JsonElement pictured = call.All("pictured").Single(item => item.GetProperty("view").GetString() == view);
        Assert.Equal(0, pictured.GetProperty("overflow").GetInt32());
        Assert.True(new FileInfo(Path.Combine(Repository.Artifacts, view + ".png")).Length > 10_000);
        call.AssertAccessible(view);
    }

    [Theory]
    [InlineData("lobby")]
    [InlineData("lobby-dark")]
    public void The_lobby_hinders_nobody(string view) => call.AssertAccessible(view);

    [Theory]
    [InlineData("speaking")]
    [InlineData("layered")]
    [InlineData("muted")]
    [InlineData("removed")]
    public void What_happens_shows_on_the_pages_and_what_is_pressed_acts(string step) => call.The(step);

    [Fact]
    public void Beacons_go_by_themselves_with_the_fields_of_the_contract_and_stop_where_they_are_not_known()
    {
        JsonElement beacons = call.The("beacons");
        JsonElement[] taken = [.. beacons.GetProperty("taken").EnumerateArray().SelectMany(batch => batch.EnumerateArray())];
        Assert.NotEmpty(taken);
        Assert.All(taken, beacon => Assert.Equal(_beaconFields.Order(), beacon.EnumerateObject().Select(field => field.Name).Order()));
        Assert.Contains(taken, beacon => beacon.GetProperty("framesDecoded").GetInt64() > 0 && beacon.GetProperty("bytesReceived").GetInt64() > 0 && beacon.GetProperty("totalSamples").GetInt64() > 0);
        Assert.Equal(1, beacons.GetProperty("refused").GetInt32());
    }
}

/// <summary>Holds the call of console.mjs, and keeps what it reported.</summary>
public sealed class ConsoleCall : IAsyncLifetime
{
    private JsonElement[] _events = [];
    private string _log = "";

    public async Task InitializeAsync()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        ProcessStartInfo start = new(
            "node", ["console.mjs", "--url", server.ClientUrl.ToString(), "--token", await server.Api.AdminTokenAsync(), "--screenshot", Repository.Artifacts])
        {
            WorkingDirectory = Repository.Clients,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        _log = $"{text}\n{await errors}\n{server.Log}";
        _events = [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
    }

    public Task DisposeAsync() => Task.CompletedTask;

    internal IEnumerable<JsonElement> All(string name) => _events.Where(item => item.GetProperty("event").GetString() == name);

    internal JsonElement The(string name)
    {
        Assert.True(All(name).Any(), $"The call did not come to \"{name}\".\n{_log}");
        return All(name).Single();
    }

    /// <summary>axe-core looked, and found nothing serious or critical.</summary>
    internal void AssertAccessible(string view)
    {
        Assert.Contains(All("examined"), item => item.GetProperty("view").GetString() == view);
        Assert.DoesNotContain(
            All("finding"), item => item.GetProperty("view").GetString() == view && item.GetProperty("impact").GetString() is "serious" or "critical");
    }
}
