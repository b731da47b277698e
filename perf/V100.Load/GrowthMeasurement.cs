using System.Globalization;
using V100.Reporting;

namespace V100.Load;

/// <summary>How the server's processor time grows with subscribers and with rooms: doubling the work at most doubles it.</summary>
internal sealed class GrowthMeasurement(SystemSuiteOptions options, SystemCalls calls)
{
    private const string Group = "cost against load";
    private const double MostGrowth = 1.1;
    private const int Rate = 40;
    private const int SubscribersOfRoom = 4;
    private static readonly int[] _subscribers = [1, 3, 10, 30, 100, 300, 1000];
    private static readonly int[] _rooms = [1, 2, 5, 10, 20, 50, 100, 200];

    public List<LineChart> Charts { get; } = [];

    public async Task<List<ReportRow>> MeasureAsync() =>
    [
        .. await LineAsync($"subscribers of one publisher of {Rate} packets/s", "subscribers", _subscribers, count => ["--subscribers", SystemCalls.Text(count)]).ConfigureAwait(false),
        .. await LineAsync(
            $"rooms of 5, a publisher of {Rate} packets/s in each", "rooms", _rooms,
            count => ["--rooms", SystemCalls.Text(count), "--subscribers", SystemCalls.Text(SubscribersOfRoom)]).ConfigureAwait(false),
    ];

    private async Task<List<ReportRow>> LineAsync(string name, string unit, int[] loads, Func<int, string[]> arguments)
    {
        var rows = new List<ReportRow>();
        if (!options.Wants(name))
        {
            return rows;
        }

        var work = new List<double>();
        foreach (int load in loads)
        {
            var samples = new List<double>();
            var results = new List<PublishAndPlayResult>();
            for (int round = 0; round < (options.IsQuick ? 1 : 3); round++)
            {
                using MeasuredServer server = calls.StartPinned();
                PublishAndPlayResult result = await SystemCalls.MeasureAsync(
                    server, [.. arguments(load), "--rate", SystemCalls.Text(Rate), "--seconds", SystemCalls.Text(options.Seconds)]).ConfigureAwait(false);
                samples.Add(result.ServerPercent!.Value);
                results.Add(result);
            }

            rows.Add(new ReportRow
            {
                Group = $"{Group}: {name}", Name = string.Create(CultureInfo.InvariantCulture, $"{load:N0} {unit}"), Unit = "% of a core", Samples = samples,
                Remark = Remark(results),
            });
            work.Add(Distribution.Of(results.Select(result => result.ReceivedPerSecond)).Median);
        }

        Charts.Add(Chart(name, unit, loads, rows));
        rows.Add(new ReportRow
        {
            Group = $"{Group}: {name}", Name = "growth of the cost by that of the packets forwarded, at its steepest", Unit = "×", Samples = [SteepestGrowth(work, rows)], Targets = [Target.ValueAtMost(MostGrowth)],
        });
        return rows;
    }

    /// <summary>Where the clients could not do what was asked of them, the point stands for less work than its load says.</summary>
    private static string Remark(List<PublishAndPlayResult> results) => string.Create(
        CultureInfo.InvariantCulture,
        $"{results.Average(result => result.ReceivedPerSecond):N0} packets/s forwarded, lost {results.Sum(result => result.PacketsLost):N0}, {results.Sum(result => result.SkippedTurns):N0} turns skipped by busy clients");

    /// <summary>Of each step from one load to the next; 1 is a straight line through zero, and a cost that is there without load makes it less.</summary>
    private static double SteepestGrowth(List<double> work, List<ReportRow> rows) => Enumerable.Range(1, work.Count - 1)
        .Max(index => rows[index].Value.Median / rows[index - 1].Value.Median / (work[index] / work[index - 1]));

    private static LineChart Chart(string name, string unit, int[] loads, List<ReportRow> rows)
    {
        double last = rows[^1].Value.Median;
        return new LineChart($"CPU by {name}", new ChartAxisTitle(unit), new ChartAxisTitle("server, % of a core"),
        [
            new ChartSeries("measured", [.. loads.Select((load, index) => new ChartPoint(load, rows[index].Value.Median))]),
            new ChartSeries("straight", [new ChartPoint(0, 0), new ChartPoint(loads[^1], last)]) { IsGuide = true },
        ]);
    }
}
