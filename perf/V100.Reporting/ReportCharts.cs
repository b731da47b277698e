using System.Text;

namespace V100.Reporting;

/// <summary>Which charts a report has.</summary>
internal static class ReportCharts
{
    /// <summary>What stands against its target; for each group and unit what was measured beside its reference; and the report's own charts.</summary>
    public static IReadOnlyList<(string File, string Title, string Svg)> Draw(Report report)
    {
        var drawings = new List<(string File, string Title, string Svg)>();
        void Add(string name, string title, string svg) => drawings.Add((FileName(name, drawings.Count), title, svg));
        if (AgainstTargets(report) is { Bars.Count: > 0 } targets)
        {
            Add("targets", targets.Title, targets.ToSvg());
        }

        foreach (IGrouping<(string Group, string Unit), ReportRow> rows in report.Rows.GroupBy(row => (row.Group, row.Unit)))
        {
            var chart = new BarChart($"{rows.Key.Group}, {rows.Key.Unit}", rows.Key.Unit, [.. rows.Select(BarOf)]);
            Add(rows.Key.Group, chart.Title, chart.ToSvg());
        }

        foreach (LineChart chart in report.Charts)
        {
            Add(chart.Title, chart.Title, chart.ToSvg());
        }

        return drawings;
    }

    /// <summary>Of each target, how much of its limit is used: at most 1 where small is good, at least 1 where great is.</summary>
    private static BarChart AgainstTargets(Report report) => new(
        "Measured, by its target (1 is the target)",
        "× target",
        [.. from row in report.Rows
            from target in row.Targets
            let measured = target.Of == TargetSubject.Value ? row.Value.Median : row.Ratio?.Median
            where measured is not null
            select new Bar($"{row.FullName} {target.Text}", measured.Value / target.Limit) { Target = new Target(TargetSubject.Value, target.Bound, 1) }]);

    private static Bar BarOf(ReportRow row) => new(row.Name, row.Value.Median)
    {
        Reference = row.Reference?.Median,
        ReferenceName = row.ReferenceName,
        Target = row.Targets.Select(target => InUnits(target, row)).FirstOrDefault(target => target is not null),
    };

    /// <summary>A target of the ratio lies at so many times the reference.</summary>
    private static Target? InUnits(Target target, ReportRow row) => target.Of == TargetSubject.Value
        ? target
        : row.Reference is { } reference ? new Target(TargetSubject.Value, target.Bound, target.Limit * reference.Median) : null;

    private static string FileName(string name, int index)
    {
        var text = new StringBuilder();
        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{index:00}-");
        foreach (char symbol in name.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(symbol))
            {
                text.Append(symbol);
            }
            else if (text[^1] != '-')
            {
                text.Append('-');
            }
        }

        return $"{text.ToString().TrimEnd('-')}.svg";
    }
}
