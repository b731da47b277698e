using V100.Reporting;

namespace V100.Load;

/// <summary>What each subscriber adds to the server's resident memory, silent or served.</summary>
internal sealed class MemoryMeasurement(SystemSuiteOptions options, SystemCalls calls)
{
    private const string Group = "memory";

    private int Rounds => options.IsQuick ? 1 : 3;

    public async Task<List<ReportRow>> MeasureAsync()
    {
        int silent = options.IsQuick ? 500 : 1000;
        int active = options.IsQuick ? 250 : 500;
        return
        [
            await RowAsync($"a silent subscriber, of {silent}", Target.ValueAtMost(60), ["--hold", "yes", "--subscribers", SystemCalls.Text(silent), "--seconds", "3"]).ConfigureAwait(false),
            await RowAsync($"one that is served 20 packets/s, of {active}", Target.ValueAtMost(100), ["--rate", "20", "--subscribers", SystemCalls.Text(active), "--seconds", "5"]).ConfigureAwait(false),
        ];
    }

    private async Task<ReportRow> RowAsync(string name, Target target, string[] arguments)
    {
        var v100 = new List<double>();
        var janus = new List<double>();
        for (int round = 0; round < Rounds; round++)
        {
            v100.Add(await FigureAsync(calls.StartPinned(), arguments).ConfigureAwait(false));
            if (options.Janus is not null)
            {
                janus.Add(await FigureAsync(calls.StartJanus(), arguments).ConfigureAwait(false));
            }
        }

        return new ReportRow
        {
            Group = Group, Name = name, Unit = "KiB", Samples = v100, Targets = [target],
            ReferenceName = janus.Count == 0 ? null : "Janus", ReferenceSamples = janus.Count == 0 ? null : janus,
            Remark = "resident memory of a server that has just started, before and after they came",
        };
    }

    /// <summary>Each by a server that has just started: what one has once had it may keep.</summary>
    private static async Task<double> FigureAsync(MeasuredServer starting, string[] arguments)
    {
        using MeasuredServer server = starting;
        PublishAndPlayResult result = await SystemCalls.MeasureAsync(server, arguments).ConfigureAwait(false);
        return result.ServerKibibytesPerSubscriber!.Value;
    }
}
