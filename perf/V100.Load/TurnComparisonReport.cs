using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace V100.Load;

/// <param name="Value">What the row is about.</param>
/// <param name="PerSecond">Packets, or allocations, that came through.</param>
/// <param name="LostFraction">Of the packets, or the allocations that failed.</param>
/// <param name="ServerPercent">Of a core.</param>
/// <param name="GeneratorPercent">Of the time.</param>
/// <param name="Latency">Of rows that are about it.</param>
internal readonly record struct TurnComparisonFigure(
    double Value, double PerSecond, double LostFraction, double ServerPercent, double GeneratorPercent, TurnLatency? Latency = null);

/// <summary>From stamp to arrival, in µs.</summary>
internal sealed record TurnLatency(double P50, double P90, double P99, double Longest)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{P50:N0} / {P90:N0} / {P99:N0} / {Longest:N0}");
}

/// <summary>One line of the table: medians over the rounds, and the median of their ratios.</summary>
internal sealed class TurnComparisonRow(string name, string unit, double? target)
{
    private readonly List<TurnComparisonFigure> _v100 = [];
    private readonly List<TurnComparisonFigure> _coturn = [];

    public string Name => name;
    public string Unit => unit;
    public double V100 => Median(_v100, figure => figure.Value);
    public double Coturn => Median(_coturn, figure => figure.Value);
    public double Ratio => Median([.. _v100.Zip(_coturn, (ours, theirs) => ours.Value / theirs.Value)]);
    public double? Target => target;
    public bool? IsMet => target is { } bound ? Ratio <= bound : null;
    public int Rounds => _v100.Count;
    public double V100PerSecond => Median(_v100, figure => figure.PerSecond);
    public double CoturnPerSecond => Median(_coturn, figure => figure.PerSecond);
    public double V100LostPercent => 100 * _v100.Average(figure => figure.LostFraction);
    public double CoturnLostPercent => 100 * _coturn.Average(figure => figure.LostFraction);
    public double V100ProcessorPercent => Median(_v100, figure => figure.ServerPercent);
    public double CoturnProcessorPercent => Median(_coturn, figure => figure.ServerPercent);
    public double V100GeneratorPercent => Median(_v100, figure => figure.GeneratorPercent);
    public double CoturnGeneratorPercent => Median(_coturn, figure => figure.GeneratorPercent);

    public TurnLatency? V100Latency => Median(_v100);
    public TurnLatency? CoturnLatency => Median(_coturn);

    public void Add(TurnComparisonFigure v100, TurnComparisonFigure coturn)
    {
        _v100.Add(v100);
        _coturn.Add(coturn);
    }

    private static double Median(List<TurnComparisonFigure> figures, Func<TurnComparisonFigure, double> part) => Median([.. figures.Select(part)]);

    private static TurnLatency? Median(List<TurnComparisonFigure> figures) => figures[0].Latency is null ? null : new TurnLatency(
        Median(figures, figure => figure.Latency!.P50),
        Median(figures, figure => figure.Latency!.P90),
        Median(figures, figure => figure.Latency!.P99),
        Median(figures, figure => figure.Latency!.Longest));

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return (values[values.Length / 2] + values[(values.Length - 1) / 2]) / 2;
    }
}

/// <summary>The table, for people and as JSON.</summary>
internal sealed class TurnComparisonReport(TurnComparisonOptions options, IReadOnlyList<TurnComparisonRow> rows)
{
    public string Text
    {
        get
        {
            var text = new StringBuilder();
            text.AppendLine("# TURN: V100 beside coturn").AppendLine()
                .AppendLine(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm} UTC, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {rows[0].Rounds} rounds of {options.Duration.TotalSeconds:0.0} s in turns.")
                .AppendLine("One V100 worker beside one coturn relay thread, both pinned to the last core, the load generator to the first, over loopback, no logs.")
                .AppendLine("CPU is the server process's, per relayed packet, of the scheduler's accounting; on loopback that includes the delivery to the receiver.")
                .AppendLine("Packets one by one cost the generator more than V100, nearly all of it in the kernel: V100 is full only where it shows a whole core, or where other work holds the machine.")
                .AppendLine("The ratio is the median of the rounds' own ratios: compare that, not the absolute times of two runs.").AppendLine()
                .AppendLine("| what | V100 | coturn | ratio | target | V100, of a core | coturn, of a core | lost |").AppendLine("|---|---:|---:|---:|---:|---:|---:|---:|");
            foreach (TurnComparisonRow row in rows)
            {
                text.AppendLine(Line(row));
            }

            text.AppendLine().AppendLine("| latency in µs: p50 / p90 / p99 / longest, medians of the rounds | V100 | coturn |").AppendLine("|---|---:|---:|");
            foreach (TurnComparisonRow row in rows.Where(row => row.V100Latency is not null))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"| {row.Name} | {row.V100Latency} | {row.CoturnLatency} |");
            }

            return text.ToString();
        }
    }

    public static string Line(TurnComparisonRow row)
    {
        string target = row.Target is { } bound ? string.Create(CultureInfo.InvariantCulture, $"≤ {bound:0.00} {(row.IsMet == true ? "met" : "missed")}") : "";
        string Rate(double perSecond, double percent) => perSecond == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{perSecond:N0}/s at {percent:0} %");
        string lost = row.V100LostPercent + row.CoturnLostPercent == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"{row.V100LostPercent:0.00} %, {row.CoturnLostPercent:0.00} %");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {row.Name} | {row.V100:0.00} {row.Unit} | {row.Coturn:0.00} {row.Unit} | {row.Ratio:0.00} | {target} | {Rate(row.V100PerSecond, row.V100ProcessorPercent)} | {Rate(row.CoturnPerSecond, row.CoturnProcessorPercent)} | {lost} |");
    }

    public void Write()
    {
        LoadJson.Write(rows, Path.Combine(options.Folder, "turn.json"));
        try
        {
            File.WriteAllText(Path.Combine(options.Folder, "turn.md"), Text);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new LoadFailedException($"cannot write to {options.Folder}: {failure.Message}");
        }
    }
}
