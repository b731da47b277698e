using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>What the published binary has counted is what a counter on the wire counts, although it is killed in the middle.</summary>
public sealed class UsageTests(ITestOutputHelper output)
{
    private const int Players = 3;
    private const int PacketsPerSecond = 400;

    /// <summary>Of all bytes.</summary>
    private const double Tolerance = 0.001;

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);
    private static readonly IPAddress _relayAddress = IPAddress.Parse("127.0.0.3");

    private static bool IsFull => Seeds.Scaled(1) > 1;

    private static TimeSpan Half => TimeSpan.FromSeconds(IsFull ? 30 : 7);

    [Fact]
    public async Task Usage_agrees_with_a_count_on_the_wire_over_a_busy_time_with_a_kill_in_the_middle()
    {
        using StoreFolder store = new();
        int port = FreePort.Find();

        // Clients are sent to the relay, at the same port of another address.
        string[] arguments =
        [
            $"--V100:Udp:Port={port}", "--V100:Udp:Addresses=127.0.0.1", $"--V100:PublicAddresses={_relayAddress}", $"--V100:Store:Path={store.Path}",
        ];
        using CountingRelay relay = new(new IPEndPoint(_relayAddress, port), new IPEndPoint(IPAddress.Loopback, port));
        (long Published, long Delivered) killed;
        (long Published, long Delivered) lastSecond;
        await using (ServerProcess first = await ServerProcess.StartAsync(arguments))
        {
            await using LoadGenerator load = LoadGenerator.Call(first.ControlUrl, Players, PacketsPerSecond, 600);
            List<(long At, (long Published, long Delivered) Bytes)> samples = await RunAsync(relay, load);
            first.Signal("KILL");
            relay.IsCounting = false;
            killed = relay.Bytes;
            await Poll.UntilAsync("the server is dead", _limit, () => Task.FromResult(first.HasExited));
            (long Published, long Delivered) before = samples.Last(sample => Stopwatch.GetElapsedTime(sample.At) > TimeSpan.FromSeconds(1)).Bytes;
            lastSecond = (killed.Published - before.Published, killed.Delivered - before.Delivered);
        }

        await using ServerProcess second = await ServerProcess.StartAsync(arguments);
        UsageSum kept = await UsageSum.ReadAsync(second);
        Report("until the kill", kept, killed);
        AssertWithin(kept.PublishedBytes, killed.Published, lastSecond.Published);
        AssertWithin(kept.DeliveredBytes, killed.Delivered, lastSecond.Delivered);

        relay.IsCounting = true;
        await using (LoadGenerator load = LoadGenerator.Call(second.ControlUrl, Players, PacketsPerSecond, (int)Half.TotalSeconds))
        {
            await load.RunToEndAsync(Half + _limit);
        }

        UsageSum all = await SettledAsync(second, relay);
        (long Published, long Delivered) wire = relay.Bytes;
        Report("in all", all, wire);

        // What came after the kill is exact; of what came before, the last second may be missing, and what is missing is very little.
        AssertWithin(all.PublishedBytes - kept.PublishedBytes, wire.Published - killed.Published, 0);
        AssertWithin(all.DeliveredBytes - kept.DeliveredBytes, wire.Delivered - killed.Delivered, 0);
        if (IsFull)
        {
            AssertWithin(all.PublishedBytes, wire.Published, 0);
            AssertWithin(all.DeliveredBytes, wire.Delivered, 0);
        }

        Assert.InRange(all.ParticipantSeconds, (1 + Players) * (2 * Half.TotalSeconds - 2), (1 + Players) * (2 * Half + _limit).TotalSeconds);
        Assert.InRange(all.TrackSeconds, 2 * (2 * Half.TotalSeconds - 2), 2 * (2 * Half + _limit).TotalSeconds);
    }

    [Fact]
    public async Task A_store_that_cannot_be_used_stops_the_start_with_one_line_that_names_the_way_out()
    {
        using StoreFolder store = new();
        await File.WriteAllTextAsync(store.Path, string.Concat(Enumerable.Repeat("This is a letter. ", 1000)));
        ProcessStartInfo start = new(Repository.Binary, ["--V100:Http:Url=http://127.0.0.1:0", "--V100:Udp:Port=0", "--V100:Tcp:Port=0", $"--V100:Store:Path={store.Path}"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(1, process.ExitCode);
        string line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"v100: V100:Store:Path = \"{store.Path}\": ", line);
        Assert.Contains("Move it away", line);
    }

    /// <summary>Until half of the time has gone by with media on the wire; what was counted, from time to time.</summary>
    private static async Task<List<(long At, (long Published, long Delivered) Bytes)>> RunAsync(CountingRelay relay, LoadGenerator load)
    {
        await Poll.UntilAsync("media flows", _limit, () => Task.FromResult(relay.Bytes.Delivered > 100_000 || load.HasExited), () => load.Output);
        List<(long, (long, long))> samples = [];
        long began = Stopwatch.GetTimestamp();
        await Poll.UntilAsync(
            "half of the time is over", Half + _limit,
            () =>
            {
                samples.Add((Stopwatch.GetTimestamp(), relay.Bytes));
                return Task.FromResult(Stopwatch.GetElapsedTime(began) > Half || load.HasExited);
            });
        Assert.False(load.HasExited, load.Output);
        return samples;
    }

    /// <summary>When every session has ended and nothing is added any more.</summary>
    private static async Task<UsageSum> SettledAsync(ServerProcess server, CountingRelay relay)
    {
        await Poll.UntilAsync("the sessions end", _limit, async () => await server.Api.MetricAsync("v100_peers") == 0, () => server.Log);
        UsageSum last = await UsageSum.ReadAsync(server);
        long began = Stopwatch.GetTimestamp();
        await Poll.UntilAsync(
            "usage settles", _limit,
            async () =>
            {
                UsageSum now = await UsageSum.ReadAsync(server);
                began = now == last ? began : Stopwatch.GetTimestamp();
                last = now;
                return Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(1.5);
            },
            () => $"{last} {relay.Bytes}");
        return last;
    }

    /// <summary>Never more than went over the wire, and less by no more than may be missing, but for the tolerance.</summary>
    private static void AssertWithin(long usage, long wire, long missing)
    {
        Assert.True(wire > 1_000_000, $"{wire} bytes on the wire");
        Assert.InRange(usage, (wire - missing) * (1 - Tolerance), wire * (1 + Tolerance));
    }

    private void Report(string when, UsageSum usage, (long Published, long Delivered) wire) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"figure: usage {when}: published {usage.PublishedBytes} of {wire.Published} on the wire ({Percent(usage.PublishedBytes, wire.Published):0.0000} %), delivered {usage.DeliveredBytes} of {wire.Delivered} ({Percent(usage.DeliveredBytes, wire.Delivered):0.0000} %)"));

    private static double Percent(long usage, long wire) => 100.0 * (usage - wire) / wire;

    private sealed record UsageSum(long PublishedBytes, long DeliveredBytes, double ParticipantSeconds, double TrackSeconds)
    {
        public static async Task<UsageSum> ReadAsync(ServerProcess server)
        {
            JsonElement[] rows = [.. (await server.Api.GetAsync("/v1/usage?limit=1000")).GetProperty("usage").EnumerateArray()];
            return new UsageSum(
                rows.Sum(row => row.GetProperty("publishedBytes").GetInt64()), rows.Sum(row => row.GetProperty("deliveredBytes").GetInt64()),
                rows.Sum(row => row.GetProperty("participantSeconds").GetDouble()), rows.Sum(row => row.GetProperty("trackSeconds").GetDouble()));
        }
    }
}
