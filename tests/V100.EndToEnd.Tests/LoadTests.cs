using System.Globalization;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>The load generator's own shapes and feedback, against the published binary: what figures come from must itself be right.</summary>
public sealed class LoadTests
{
    private const int Subscribers = 4;
    private const int Seconds = 2;
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_call_with_loss_is_repaired_by_the_feedback_of_browsers_and_the_figures_agree()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        JsonElement result = await LoadAsync(
            server, "publish-and-play", "--subscribers", Text(Subscribers), "--shape", "call", "--kbps", "200", "--fps", "25", "--loss", "2", "--warm-up", "2", "--seconds", Text(Seconds));
        double sent = Number(result, "packetsSent");

        // 50 packets of audio a second, and at least one of each frame of video.
        Assert.InRange(sent, 0.9 * Seconds * (50 + 25), 2 * Seconds * (50 + 25));
        Assert.Equal(Subscribers * sent, Number(result, "packetsReceived") + Number(result, "packetsLost"));

        // Audio is not asked for again; of video hardly anything stays lost.
        double repaired = Number(result, "packetsRepaired");
        Assert.InRange(repaired, 1, 0.1 * Subscribers * sent);
        Assert.InRange(Number(result, "nacks"), repaired, double.MaxValue);
        Assert.InRange(Number(result, "packetsLost"), 0, 0.05 * Subscribers * sent);
        double[] latency = [.. new[] { "latencyP50Us", "latencyP95Us", "latencyP99Us", "latencyP999Us" }.Select(name => Number(result, name))];
        Assert.True(latency[0] > 0, result.ToString());
        Assert.Equal(latency.Order(), latency);
        Assert.InRange(Number(result, "connectP50Ms"), 0.1, Number(result, "playP99Ms"));
        Assert.InRange(Number(result, "serverUsPerForwardedPacket"), 0.1, 10_000);
        Assert.NotEqual(0, result.GetProperty("serverThreads").GetArrayLength());
    }

    [Fact]
    public async Task Subscribers_in_several_processes_are_counted_as_one()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        JsonElement result = await LoadAsync(
            server, "publish-and-play", "--subscribers", Text(Subscribers), "--processes", "2", "--feedback", "none", "--rate", "50", "--seconds", "1");
        double sent = Number(result, "packetsSent");
        Assert.InRange(sent, 30, 60);
        Assert.Equal(Subscribers * sent, Number(result, "packetsReceived"));
        Assert.Equal(0, Number(result, "packetsLost"));
    }

    [Fact]
    public async Task Sessions_that_come_and_go_are_all_made_and_leave_nothing()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        JsonElement result = await LoadAsync(server, "signaling", "--clients", "4", "--rate", "40", "--seconds", "1");
        Assert.Equal(40, Number(result, "joins"));
        Assert.Equal(0, Number(result, "failures"));
        Assert.InRange(Number(result, "serverUsPerJoin"), 1, 1_000_000);
        Assert.Equal(0, await server.Api.MetricAsync("v100_sessions"));
    }

    private static Task<JsonElement> LoadAsync(ServerProcess server, string mode, params string[] arguments) => LoadGenerator.RunAsync(
        _limit,
        [
            mode, "--url", server.ControlUrl.ToString(), "--key", ServerProcess.ApiKey, "--secret", ServerProcess.ApiSecret, "--server-pid", Text(server.Id), .. arguments,
        ]);

    private static double Number(JsonElement result, string name) => result.GetProperty(name).GetDouble();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
