using System.Globalization;
using System.Text.Json;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>What the server makes of a call by its own measurements, and what it makes of the player's own statistics.</summary>
public sealed class QualityTests(ITestOutputHelper output)
{
    private const double Agreement = 0.5;
    private const double Share = 0.9;
    /// <summary>As the client library sends them, and as long as what the server looks back.</summary>
    private static readonly TimeSpan _beaconInterval = TimeSpan.FromSeconds(5);
    private static readonly ClientOptions _camera = new() { Width = 960, Height = 540, FramesPerSecond = 20, Codec = "vp8", Simulcast = true };

    /// <summary>When the last beacon was made.</summary>
    private DateTimeOffset _lastAt;

    [Fact]
    public async Task The_servers_score_and_the_beacons_agree_in_Chromium_over_a_throttled_path()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        using PathRelay path = new(server.UdpPort, new PathConditions(RoundTrip: TimeSpan.FromMilliseconds(40)), Seeds.NewRandom(output));
        await using Call call = await Call.StartAsync(server, "quality", ClientKind.Chromium, ClientKind.Chromium, _camera, new ClientOptions { Candidate = path.Candidate });
        await call.AssertPlaysAsync();
        List<double> differences = [];
        foreach (PathConditions conditions in new[]
        {
            path.Conditions,
            path.Conditions with { RateBps = 600_000 },
            path.Conditions with { Loss = 0.03 },
            path.Conditions with { RoundTrip = TimeSpan.FromMilliseconds(300) },
        })
        {
            path.Conditions = conditions;
            differences.AddRange(await CompareAsync(server, call, samples: 4, conditions.ToString()));
        }

        int agreeing = differences.Count(difference => Math.Abs(difference) <= Agreement);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: the server's score and the beacon's differ by {Agreement} at most in {agreeing} of {differences.Count} samples"));
        Assert.True(agreeing >= Share * differences.Count, string.Join(' ', differences));
    }

    private async Task<List<double>> CompareAsync(ServerProcess server, Call call, int samples, string conditions)
    {
        List<double> differences = [];
        string session = call.PlayerSession.Split('/')[^1];
        await Poll.UntilAsync(
            $"{samples} beacons over {conditions}", TimeSpan.FromSeconds(60),
            async () =>
            {
                JsonElement beacon = call.Player.Last("stats")!.Value.GetProperty("beacon");
                DateTimeOffset at = beacon.GetProperty("at").GetDateTimeOffset();
                if (at - _lastAt < _beaconInterval)
                {
                    return false;
                }

                _lastAt = at;
                await server.Api.PostBeaconAsync(session, beacon);
                JsonElement quality = await server.Api.GetAsync("/v1/rooms/quality/qoe");
                JsonElement player = quality.GetProperty("participants").EnumerateArray().Single(one => one.GetProperty("identity").GetString() == "player").GetProperty("sessions")[0];
                double[] scores = [.. player.GetProperty("subscriptions").EnumerateArray().Select(stream => Score(stream))];
                if (player.TryGetProperty("beacon", out JsonElement said) && Score(said) > 0 && Array.TrueForAll(scores, score => score > 0))
                {
                    differences.Add(scores.Average() - Score(said));
                    output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{scores.Average():0.00} by the server, {Score(said):0.00} by the client"));
                }

                return differences.Count >= samples;
            },
            call.Player.Transcript);
        return differences;
    }

    private static double Score(JsonElement item) => item.TryGetProperty("score", out JsonElement score) ? score.GetDouble() : 0;
}
