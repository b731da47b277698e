using System.Globalization;
using System.Text.Json;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>
/// A publisher of three simulcast layers, and players behind paths that do not carry them all, lose packets or delay them: what the viewer
/// sees and hears, by the frames that are shown and by what the sound's jitter buffer made up.
/// </summary>
public sealed class BottleneckTests(ITestOutputHelper output)
{
    private const int LinkKilobits = 600;
    private const int FramesPerSecond = 20;
    private const double MaxFreezeMs = 500;
    private const double MaxSoundGapMs = 100;
    private const double MaxConcealedShare = 0.1;
    private static readonly bool _isNightly = Seeds.Scaled(1) > 1;

    // Three layers are sent from 960 × 540 on (libwebrtc's table of layers by size), and two cores must encode them.
    private static readonly ClientOptions _camera = new() { Width = 960, Height = 540, FramesPerSecond = FramesPerSecond, Codec = "vp8", Simulcast = true };

    [Fact]
    public Task At_600_kbit_a_second_the_picture_moves_and_sound_has_no_gaps_in_Chromium() => PlayBehindBottleneckAsync(ClientKind.Chromium);

    [Fact]
    public Task At_600_kbit_a_second_the_picture_moves_and_sound_has_no_gaps_in_Firefox() => PlayBehindBottleneckAsync(ClientKind.Firefox);

    private async Task PlayBehindBottleneckAsync(ClientKind player)
    {
        using NetworkNamespaces network = new();
        network.Limit(LinkKilobits);
        await using ServerProcess server = await ServerProcess.StartAsync(network);

        // The publisher comes another way, or its own media's feedback would wait at the bottleneck too.
        ClientOptions publish = _camera with { Server = server.ControlUrl, Candidate = $"{network.ControlAddress}:{server.UdpPort}" };
        await using Call call = await Call.StartAsync(
            server, "narrow", ClientKind.Chromium, player, publish, new ClientOptions { Namespace = network.Clients });
        await SettleAsync(call, TimeSpan.FromSeconds(10));
        JsonElement quality = await MeasureAsync(call, _isNightly ? 60 : 6);
        await AssertThreeLayersAsync(call);
        Report($"{player} at {LinkKilobits} kbit/s", quality);
        Assert.True(Number(quality, "framesPerSecond") >= 15, quality.GetRawText());
        Assert.True(Number(quality, "smallestWidth") >= 320 && Number(quality, "smallestHeight") >= 180, quality.GetRawText());
        Assert.True(Number(quality, "longestGapMs") <= MaxFreezeMs, quality.GetRawText());
        Assert.True(Number(quality, "longestConcealedMs") <= MaxSoundGapMs, quality.GetRawText());
    }

    [Fact]
    public async Task Losses_are_made_good_and_what_a_burst_of_them_stops_goes_on_within_two_seconds()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        using PathRelay path = new(server.UdpPort, new PathConditions(RoundTrip: TimeSpan.FromMilliseconds(40)), Seeds.NewRandom(output));
        await using Call call = await StartAsync(server, path);
        await SettleAsync(call, TimeSpan.FromSeconds(6));

        path.Conditions = path.Conditions with { Loss = 0.03 };
        JsonElement random = await MeasureAsync(call, _isNightly ? 60 : 8);
        Report("3 % random loss", random, path);

        // Redundant sound begins when the path is known to lose.
        path.Conditions = path.Conditions with { Loss = 0.3, BurstLength = 3 };
        await MeasureAsync(call, 2);
        JsonElement bursts = await MeasureAsync(call, _isNightly ? 20 : 10);
        Report("30 % loss in bursts", bursts, path);

        path.Conditions = path.Conditions with { Loss = 0 };
        JsonElement after = await MeasureAsync(call, 5);
        Report("after the bursts", after, path);
        double recoveredMs = after.GetProperty("gaps").EnumerateArray().Select(gap => Number(gap, "at") + Number(gap, "ms")).DefaultIfEmpty(0).Max();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: after bursts of 30 % loss the last gap over 300 ms ends {recoveredMs:0} ms after them"));

        Assert.True(Number(random, "framesPerSecond") >= 0.9 * FramesPerSecond, random.GetRawText());
        Assert.True(Number(random, "longestGapMs") <= MaxFreezeMs, random.GetRawText());
        Assert.Equal($"{_camera.Width}x{_camera.Height}", MostShown(random));
        Assert.True(Number(bursts, "concealed") <= MaxConcealedShare * Number(bursts, "samples"), bursts.GetRawText());
        Assert.True(recoveredMs <= 2000, after.GetRawText());
    }

    [Fact]
    public async Task The_estimate_fills_a_long_path_with_jitter()
    {
        const long linkBps = 800_000;
        await using ServerProcess server = await ServerProcess.StartAsync();
        var conditions = new PathConditions(RoundTrip: TimeSpan.FromMilliseconds(200), Jitter: TimeSpan.FromMilliseconds(50), RateBps: linkBps);
        using PathRelay path = new(server.UdpPort, conditions, Seeds.NewRandom(output));
        await using Call call = await StartAsync(server, path);
        await SettleAsync(call, TimeSpan.FromSeconds(10));
        List<double> estimates = [];
        JsonElement quality = await MeasureAsync(
            call, _isNightly ? 60 : 20, async () => estimates.Add((await server.Api.GetAsync(call.PlayerSession)).GetProperty("availableBitrateBps").GetDouble()));
        double median = estimates.Order().ElementAt(estimates.Count / 2);
        Report("200 ms, jitter of 50 ms", quality, path);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"figure: 200 ms round trip, 50 ms jitter, {linkBps / 1000} kbit/s: the estimate is {median / 1000:0} kbit/s in the median ({estimates.Min() / 1000:0} to {estimates.Max() / 1000:0}), {100 * median / linkBps:0} % of the link"));

        // Probes lie seconds apart, and jitter blurs what each finds: twenty seconds hold too few of them for what a minute holds. In virtual time
        // Long_and_unsteady_ways_are_filled holds a minute of such a path to 85 % in the mean of its seeds.
        Assert.True(median >= (_isNightly ? 0.8 : 0.65) * linkBps, string.Join(' ', estimates));
        Assert.True(Number(quality, "longestGapMs") <= MaxFreezeMs, quality.GetRawText());
    }

    private static Task<Call> StartAsync(ServerProcess server, PathRelay path)
        => Call.StartAsync(server, "path", ClientKind.Chromium, ClientKind.Chromium, _camera, new ClientOptions { Candidate = path.Candidate });

    private static async Task SettleAsync(Call call, TimeSpan time)
    {
        await call.AssertPlaysAsync();
        await MeasureAsync(call, time.TotalSeconds);
    }

    /// <summary>What the player saw and heard in this time from now on.</summary>
    private static async Task<JsonElement> MeasureAsync(Call call, double seconds, Func<Task>? meanwhile = null)
    {
        int begun = call.Player.All("measuring").Count;
        call.Player.Command("measure");
        await call.Player.WaitAsync("measuring begins", TimeSpan.FromSeconds(10), () => call.Player.All("measuring").Count > begun);

        // The newest statistics may still be of the measurement before.
        int stale = call.Player.All("stats").Count;
        double last = -1;
        await Poll.UntilAsync(
            $"{seconds} s of measurement", TimeSpan.FromSeconds(seconds + 30),
            async () =>
            {
                double now = call.Player.All("stats").Count > stale ? Number(call.Player.Last("stats")!.Value.GetProperty("quality"), "seconds") : 0;
                if (meanwhile is not null && now > last)
                {
                    await meanwhile();
                }

                last = now;
                return now >= seconds;
            },
            call.Player.Transcript);
        return call.Player.Last("stats")!.Value.GetProperty("quality");
    }

    private static Task AssertThreeLayersAsync(Call call)
        => call.Publisher.WaitAsync(
            "three layers are sent", TimeSpan.FromSeconds(5),
            () => call.Publisher.Last("stats")!.Value.GetProperty("encodings").EnumerateArray().Count(encoding => Number(encoding, "frames") > FramesPerSecond) == 3);

    private void Report(string what, JsonElement quality, PathRelay? path = null)
        => output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"figure: {what}: {Number(quality, "framesPerSecond"):0.0} frames/s ({quality.GetProperty("sizes").GetRawText()}), longest gap {Number(quality, "longestGapMs"):0} ms in {Number(quality, "seconds"):0} s; sound made up {100 * Number(quality, "concealed") / Number(quality, "samples"):0.0} %, longest stretch {Number(quality, "longestConcealedMs"):0} ms{(path is null ? "" : $"; path {path.Counts}")}"));

    private static string MostShown(JsonElement quality)
        => quality.GetProperty("sizes").EnumerateObject().MaxBy(size => size.Value.GetInt32()).Name;

    private static double Number(JsonElement item, string name)
        => item.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;
}
