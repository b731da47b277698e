using System.Globalization;
using V100.Reporting;

namespace V100.Load;

/// <summary>One publisher before 3,000 subscribers in several processes, at a rate that clients keep up with on the cores that they share with the server.</summary>
internal sealed class AudienceMeasurement(SystemSuiteOptions options, SystemCalls calls)
{
    private const string Group = "one publisher, 3,000 subscribers";
    private const int Subscribers = 3000;
    private const int Rate = 2;

    public async Task<List<ReportRow>> MeasureAsync()
    {
        var results = new List<PublishAndPlayResult>();
        for (int round = 0; round < (options.IsQuick ? 1 : 3); round++)
        {
            using MeasuredServer server = calls.StartFree();
            results.Add(await SystemCalls.MeasureAsync(
                server, "--subscribers", SystemCalls.Text(Subscribers), "--processes", "3", "--rate", SystemCalls.Text(Rate), "--seconds", options.IsQuick ? "10" : "30").ConfigureAwait(false));
        }

        string remark = string.Create(
            CultureInfo.InvariantCulture,
            $"{Rate} packets/s each; clients busy {results.Max(result => result.GeneratorPercent):0} %, connected after p50 {results[0].ConnectP50Ms:0} ms, p99 {results[0].ConnectP99Ms:0} ms");
        return
        [
            Row("lost", "packets", results, result => result.PacketsLost, Target.ValueAtMost(0)) with { Remark = remark },
            Row("the busier worker's share of the other's", "×", results, Imbalance, Target.ValueAtMost(1.2)),
            Row("processor time for a forwarded packet", "µs", results, result => result.ServerUsPerForwardedPacket!.Value),
            Row("memory for a subscriber", "KiB", results, result => result.ServerKibibytesPerSubscriber!.Value),
        ];
    }

    /// <summary>Workers are the busiest threads.</summary>
    private static double Imbalance(PublishAndPlayResult result) => result.ServerThreads is { Length: > 1 } threads
        ? threads[0].Percent / threads[Math.Min(Environment.ProcessorCount, threads.Length) - 1].Percent
        : throw new LoadFailedException("the server has no two threads that ran");

    private static ReportRow Row(string name, string unit, List<PublishAndPlayResult> results, Func<PublishAndPlayResult, double> figure, params Target[] targets) =>
        new() { Group = Group, Name = name, Unit = unit, Samples = [.. results.Select(figure)], Targets = targets };
}
