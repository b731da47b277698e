using System.Globalization;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>Chromium to Chromium over loopback: every codec that it encodes, and how long a join takes.</summary>
public sealed class ChromiumCallTests(ITestOutputHelper output)
{
    private const double JoinLimitMs = 700;

    [Theory]
    [InlineData("vp8", "video/VP8")]
    [InlineData("h264", "video/H264")]
    [InlineData("vp9", "video/VP9")]
    [InlineData("av1", "video/AV1")]
    public async Task A_call_carries_moving_pictures_and_sound(string codec, string mediaType)
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await using Call call = await Call.StartAsync(
            server, $"codec-{codec}", ClientKind.Chromium, ClientKind.Chromium, new ClientOptions { Codec = codec });
        await call.AssertPlaysAsync();
        Assert.Equal(mediaType, call.Publisher.Text("codec"));
        Assert.Equal(mediaType, call.Player.Text("codec"));
        // Reports reach the publisher, or its rate would never rise.
        await call.Publisher.WaitAsync("receiver reports", TimeSpan.FromSeconds(10), () => call.Publisher.Figure("remoteReports") > 0);
        await call.Publisher.WaitAsync(
            "the bandwidth estimate rises", TimeSpan.FromSeconds(15), () => call.Publisher.Figure("availableBitrate") > 400_000);
        Assert.Equal(200, await call.Player.StopAsync());
        Assert.Equal(200, await call.Publisher.StopAsync());
    }

    /// <summary>RFC 6544: where UDP is blocked, media go over the TCP port that STUN and TURN use.</summary>
    [Fact]
    public async Task A_call_goes_over_TCP_where_nothing_else_is_offered()
    {
        await using ServerProcess server = await ServerProcess.StartAsync("--V100:Rooms:EmptyTimeoutSeconds=1");
        Gauges start = await server.Api.GaugesAsync();
        await using Call call = await Call.StartAsync(server, "tcp", ClientKind.Chromium, ClientKind.Chromium, new ClientOptions { Width = 320, Height = 180, Only = "tcp" });
        await call.AssertPlaysAsync();
        Assert.Equal("tcp", call.Publisher.Text("protocol"));
        Assert.Equal("tcp", call.Player.Text("protocol"));
        Assert.Equal(200, await call.Player.StopAsync());
        Assert.Equal(200, await call.Publisher.StopAsync());
        await Poll.UntilAsync(
            "every gauge is back where it began", TimeSpan.FromSeconds(15), async () => (await server.Api.GaugesAsync()).Difference(start).Length == 0, () => server.Log);
    }

    [Fact]
    public async Task Joining_takes_less_than_the_limit_from_the_offer_to_the_first_frame()
    {
        const int joins = 9;
        await using ServerProcess server = await ServerProcess.StartAsync();
        await using Call call = await Call.StartAsync(
            server, "join", ClientKind.Chromium, ClientKind.Chromium, new ClientOptions { FramesPerSecond = 30 }, new ClientOptions { Joins = joins });
        double[] times = [.. call.Player.All("joined").Select(joined => joined.GetProperty("ms").GetDouble()).Order()];
        Assert.Equal(joins, times.Length);
        double median = times[joins / 2];
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"figure: join time, Chromium to Chromium, POST of the offer to first decoded frame: median {median:0} ms of {joins} joins ({times[0]:0} to {times[^1]:0})"));
        Assert.True(median < JoinLimitMs, string.Join(' ', times));
    }
}
