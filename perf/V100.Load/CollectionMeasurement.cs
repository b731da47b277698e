using System.Globalization;
using V100.Reporting;

namespace V100.Load;

/// <summary>Whether forwarding makes garbage: collections of the server's within a minute of it.</summary>
internal sealed class CollectionMeasurement(SystemSuiteOptions options, SystemCalls calls)
{
    private const string Collections = "dotnet_gc_collections_total";
    private const string Allocated = "dotnet_gc_allocated_bytes_total";
    private static readonly TimeSpan _settle = TimeSpan.FromSeconds(15);

    public async Task<List<ReportRow>> MeasureAsync()
    {
        int seconds = options.IsQuick ? 20 : 60;
        using MeasuredServer server = calls.StartPinned();
        using var control = new ControlClient(server.ControlUrl, MeasuredServer.Key, MeasuredServer.Secret);

        // All have joined and warmed up by then; the run goes on for a while after the last reading.
        int warmUp = (int)_settle.TotalSeconds;
        Task<PublishAndPlayResult> running = SystemCalls.MeasureAsync(
            server, "--subscribers", "100", "--rate", "500", "--warm-up", SystemCalls.Text(warmUp), "--seconds", SystemCalls.Text(seconds + 5));
        await Task.Delay(_settle).ConfigureAwait(false);
        Dictionary<string, double> before = await control.ReadMetricsAsync(Collections, Allocated).ConfigureAwait(false);
        await Task.Delay(TimeSpan.FromSeconds(seconds)).ConfigureAwait(false);
        Dictionary<string, double> after = await control.ReadMetricsAsync(Collections, Allocated).ConfigureAwait(false);
        PublishAndPlayResult result = await running.ConfigureAwait(false);
        string remark = string.Create(
            CultureInfo.InvariantCulture, $"500 packets/s to 100 subscribers, {result.ReceivedPerSecond:N0}/s received, lost {result.PacketsLost:N0}; the reading of the metrics itself allocates");
        return
        [
            new ReportRow { Group = "collections", Name = $"in {seconds} s of forwarding", Unit = "collections", Samples = [after[Collections] - before[Collections]], Targets = [Target.ValueAtMost(0)], Remark = remark },
            new ReportRow { Group = "collections", Name = "allocated meanwhile", Unit = "KiB/s", Samples = [(after[Allocated] - before[Allocated]) / 1024 / seconds] },
        ];
    }
}
