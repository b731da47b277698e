using System.Diagnostics;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>The page that the server serves, as two people use it in Chromium.</summary>
public sealed class PageTests
{
    [Fact]
    public async Task Two_people_join_see_each_other_and_leave()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        ProcessStartInfo start = new("node", ["page.mjs", "--url", server.ClientUrl.ToString(), "--token", await server.Api.AdminTokenAsync()])
        {
            WorkingDirectory = Repository.Clients,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{text}\n{await errors}\n{server.Log}");
        JsonElement[] events = [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];

        JsonElement[] seen = [.. events.Where(item => item.GetProperty("event").GetString() == "seen")];
        Assert.Equal(2, seen.Length);
        Assert.All(seen, item =>
        {
            Assert.True(item.GetProperty("moved").GetBoolean(), text);
            Assert.False(item.GetProperty("black").GetBoolean(), text);
            Assert.True(item.GetProperty("audioEnergy").GetDouble() > 0, text);
            Assert.True(item.GetProperty("framesDecoded").GetDouble() > 0, text);
            JsonElement charts = item.GetProperty("charts");
            Assert.Matches(@"^[\d.]+ [kM]bit/s$", charts.GetProperty("estimate").GetString());
            Assert.Matches(@"^[\d.]+ [kM]bit/s$", charts.GetProperty("bitrate").GetString());
            Assert.Matches(@"^\d+p", charts.GetProperty("layer").GetString());
            Assert.Matches(@"^[\d.]+ %$", charts.GetProperty("loss").GetString());
            Assert.Matches(@"^[\d.]+ ms$", charts.GetProperty("roundTrip").GetString());
            Assert.Contains(item.GetProperty("lines").EnumerateArray(), line => line.GetString()!.StartsWith('M'));
            Assert.Matches(@"^\d+×\d+ · \d+ fps$", item.GetProperty("picture").GetString());
        });

        // Nothing was asked of any other host, and nothing went wrong on the page's console.
        Assert.DoesNotContain(events, item => item.GetProperty("event").GetString() is "outside" or "console");
        Assert.Contains(events, item => item.GetProperty("event").GetString() == "left");
        await Poll.UntilAsync(
            "both sessions of both people end", TimeSpan.FromSeconds(10),
            async () => (await server.Api.GaugesAsync())["v100_sessions"] == 0, () => server.Log);
    }
}
