using System.Globalization;
using V100.Reporting;

namespace V100.Load;

/// <summary>One publisher before 10, 50 and 100 subscribers: processor time for a forwarded packet, and its latency, beside Janus.</summary>
internal sealed class ForwardingMeasurement(SystemSuiteOptions options, SystemCalls calls)
{
    private const string CostGroup = "forwarding, processor time";
    private const string LatencyGroup = "forwarding, latency";
    private const string FloorGroup = "forwarding, a bare loop of the same packets";
    private const int LatencySubscribers = 50;
    private const int Rate = 500;
    private const int WireBytes = 1216; // With the tag of AES-GCM.

    private sealed record Case(string Name, int Subscribers, string[] Arguments, Target[] Targets);

    private static readonly Case[] _cases =
    [
        new("500 packets/s of 1,200 bytes to 10 subscribers", 10, ["--rate", "500"], []),
        new("500 packets/s of 1,200 bytes to 50 subscribers", LatencySubscribers, ["--rate", "500"], [Target.ValueAtMost(3.4), Target.RatioAtMost(0.2)]),
        new("500 packets/s of 1,200 bytes to 100 subscribers", 100, ["--rate", "500"], [Target.ValueAtMost(3.4), Target.RatioAtMost(0.2)]),
        new("video of 30 frames/s, 4 Mbit/s, to 50 subscribers", 50, ["--shape", "video", "--kbps", "4000"], []),
    ];

    public async Task<List<ReportRow>> MeasureAsync()
    {
        var rows = new List<ReportRow>();
        foreach (Case what in _cases.Where(what => options.Wants(what.Name)))
        {
            var v100 = new List<PublishAndPlayResult>();
            var janus = new List<PublishAndPlayResult>();
            var floor = new List<BareFanoutResult>();
            for (int round = 0; round < options.Rounds; round++)
            {
                // Neither always has the machine as the other leaves it.
                bool v100First = (round & 1) == 0;
                foreach (bool isV100 in (bool[])[v100First, !v100First])
                {
                    if (isV100 || options.Janus is not null)
                    {
                        (isV100 ? v100 : janus).Add(await RoundAsync(what, isV100).ConfigureAwait(false));
                    }
                }

                if (IsEven(what))
                {
                    floor.Add(SystemCalls.MeasureFloor(what.Subscribers, Rate, WireBytes, TimeSpan.FromSeconds(options.Seconds)));
                }
            }

            rows.Add(Row(CostGroup, what.Name, v100, janus, result => result.ServerUsPerForwardedPacket!.Value, what.Targets) with { Remark = Remark(v100, janus) });
            if (what.Subscribers == LatencySubscribers)
            {
                rows.Add(Row(LatencyGroup, $"{what.Name}: p50", v100, janus, result => result.LatencyP50Us, IsEven(what) ? [Target.ValueAtMost(150)] : []));
                rows.Add(Row(LatencyGroup, $"{what.Name}: p99", v100, janus, result => result.LatencyP99Us, IsEven(what) ? [Target.ValueAtMost(500)] : []));
                rows.Add(Row(LatencyGroup, $"{what.Name}: p99.9", v100, janus, result => result.LatencyP999Us, IsEven(what) ? [Target.ValueAtMost(3000)] : []));
            }

            if (floor.Count > 0)
            {
                rows.Add(Floor($"{what.Name}: processor time", floor, result => result.UsPerPacket) with { Remark = $"lost {floor.Sum(result => result.Lost)}" });
                rows.Add(Floor($"{what.Name}: p50", floor, result => result.Latency.PercentileMicroseconds(0.5)));
                rows.Add(Floor($"{what.Name}: p99", floor, result => result.Latency.PercentileMicroseconds(0.99)));
                rows.Add(Floor($"{what.Name}: p99.9", floor, result => result.Latency.PercentileMicroseconds(0.999)));
                rows.Add(new ReportRow
                {
                    Group = FloorGroup, Name = $"{what.Name}: V100's processor time beside it", Unit = "µs", ReferenceName = "the bare loop",
                    Samples = [.. v100.Select(result => result.ServerUsPerForwardedPacket!.Value)], ReferenceSamples = [.. floor.Select(result => result.UsPerPacket)],
                });
                rows.Add(new ReportRow
                {
                    Group = FloorGroup, Name = $"{what.Name}: V100's p50 beside it", Unit = "µs", ReferenceName = "the bare loop",
                    Samples = [.. v100.Select(result => result.LatencyP50Us)], ReferenceSamples = [.. floor.Select(result => result.Latency.PercentileMicroseconds(0.5))],
                });
            }
        }

        return rows;
    }

    private static bool IsEven(Case what) => what.Targets.Length > 0;

    /// <summary>What is left when a server does nothing but receive and send, and what of the latency is the clients' own.</summary>
    private static ReportRow Floor(string name, List<BareFanoutResult> results, Func<BareFanoutResult, double> figure) =>
        new() { Group = FloorGroup, Name = name, Unit = "µs", Samples = [.. results.Select(figure)] };

    private async Task<PublishAndPlayResult> RoundAsync(Case what, bool isV100)
    {
        using MeasuredServer server = isV100 ? calls.StartPinned() : calls.StartJanus();
        return await SystemCalls.MeasureAsync(
            server,
            [
                "--subscribers", SystemCalls.Text(what.Subscribers), "--seconds", SystemCalls.Text(options.Seconds),
                "--warm-up", isV100 ? "6" : "2", .. what.Arguments, // Janus does not find out what a path carries.
            ]).ConfigureAwait(false);
    }

    private static ReportRow Row(
        string group, string name, List<PublishAndPlayResult> v100, List<PublishAndPlayResult> janus, Func<PublishAndPlayResult, double> figure, Target[] targets) => new()
    {
        Group = group,
        Name = name,
        Unit = "µs",
        Samples = [.. v100.Select(figure)],
        ReferenceName = janus.Count == 0 ? null : "Janus",
        ReferenceSamples = janus.Count == 0 ? null : [.. janus.Select(figure)],
        Targets = targets,
    };

    /// <summary>Loss makes a packet cheap, and a generator that is too busy makes latency its own.</summary>
    private static string Remark(List<PublishAndPlayResult> v100, List<PublishAndPlayResult> janus)
    {
        string Of(string name, List<PublishAndPlayResult> results) => results.Count == 0 ? "" : string.Create(
            CultureInfo.InvariantCulture,
            $"{name} lost {results.Sum(result => result.PacketsLost):N0} of {results.Sum(result => result.PacketsLost + result.PacketsReceived):N0}, clients busy {results.Average(result => result.GeneratorPercent):0} %");
        return string.Join("; ", ((string[])[Of("V100", v100), Of("Janus", janus)]).Where(text => text.Length > 0));
    }
}
