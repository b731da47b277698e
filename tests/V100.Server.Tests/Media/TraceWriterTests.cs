using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using V100.Net;
using V100.Net.Sockets;
using V100.Server.Media;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;

namespace V100.Server.Tests.Media;

public sealed class TraceWriterTests
{
    private static readonly DateTimeOffset _at = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

    [Fact]
    public void An_allocation_is_a_line_with_what_led_to_it_and_without_what_does_not_belong_to_it()
    {
        string line = Text(new Decision
        {
            Kind = DecisionKind.Allocation,
            Session = "s",
            At = default,
            From = LayerTarget.None,
            To = new LayerTarget(1, 0, 2),
            Reason = AllocationReason.EstimateTooLow,
            EstimateBps = 700_000,
            AudioBps = 40_000,
            Summary = new AllocationSummary(500_000, 2_000_000, true),
            Options = [new LayerOption(new LayerChoice(1, 0, 2), 500_000, 640, 360, 30)],
            Limits = new LayerConstraints { MaxPlace = 1 },
        });
        Assert.DoesNotContain('\n', line);
        Assert.Equal(
            """{"at":"2026-03-04T05:06:07+00:00","session":"s","decision":"allocation","to":{"spatial":0,"temporal":2},"reason":"estimate_too_low","estimateBps":700000,"audioBps":40000"""
            + ""","totalBps":500000,"nextStepBps":2000000,"options":[{"spatial":0,"temporal":2,"bitrateBps":500000,"width":640,"height":360,"framesPerSecond":30}],"limits":{"maxPlace":1,"paused":false}}""",
            line);
    }

    [Fact]
    public void An_estimate_tells_what_holds_it_and_no_limit_that_there_is_not()
    {
        JsonElement line = JsonDocument.Parse(Text(new Decision
        {
            Kind = DecisionKind.Estimate,
            Session = "s",
            At = default,
            EstimateBps = 1_000_000,
            Bandwidth = new BandwidthState(DelaySignal.Overuse, EstimateBound.Delay, 1, 2, 3, 4, 0.5, 1_000_000, long.MaxValue, long.MaxValue, 5, 0, 0),
            PacerWait = TimeSpan.FromMilliseconds(12),
        })).RootElement;
        JsonElement path = line.GetProperty("path");
        Assert.Equal(("delay", "overuse", 12.0), (path.GetProperty("bound").GetString(), path.GetProperty("signal").GetString(), line.GetProperty("pacerQueueMs").GetDouble()));
        Assert.False(path.TryGetProperty("lossBps", out _));
        Assert.False(line.TryGetProperty("to", out _));
    }

    [Fact]
    public async Task Lines_of_all_shards_are_added_to_the_file()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("v100-trace").FullName, "trace.jsonl");
        await File.WriteAllTextAsync(file, "before\n");
        DecisionTrace[] traces = [new(), new()];
        Instant now = MonotonicClock.Now;
        for (int index = 0; index < 10; index++)
        {
            Assert.True(traces[index % 2].TryWrite(new Decision { Kind = DecisionKind.Skip, Session = "s", At = now }));
        }

        TraceWriter writer = new(file, traces);
        writer.Start(NullLogger.Instance);
        await writer.DisposeAsync();
        string[] lines = await File.ReadAllLinesAsync(file);
        Assert.Equal(11, lines.Length);
        Assert.Equal("before", lines[0]);
        DateTimeOffset at = JsonDocument.Parse(lines[^1]).RootElement.GetProperty("at").GetDateTimeOffset();
        Assert.InRange(DateTimeOffset.UtcNow - at, TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(5));
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Fact]
    public void A_full_trace_refuses_and_goes_on_when_it_was_read()
    {
        DecisionTrace trace = new();
        var decision = new Decision { Kind = DecisionKind.Skip, Session = "s", At = default };
        int taken = 0;
        while (trace.TryWrite(decision))
        {
            taken++;
        }

        Assert.True(trace.TryRead(out _));
        Assert.True(trace.TryWrite(decision));
        Assert.False(trace.TryWrite(decision));
        Assert.InRange(taken, 1, 1 << 20);
    }

    private static string Text(Decision decision) => JsonSerializer.Serialize(TraceWriter.LineOf(decision, _at), TraceJson.Default.TraceLine);
}
