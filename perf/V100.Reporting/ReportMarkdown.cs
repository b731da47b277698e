using System.Globalization;
using System.Text;

namespace V100.Reporting;

/// <summary>The report for readers.</summary>
internal static class ReportMarkdown
{
    public static string Write(Report report, IReadOnlyList<(string File, string Title, string Svg)> drawings)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"# {report.Title}").AppendLine();
        foreach (RunEnvironment environment in report.Environments)
        {
            WriteEnvironment(text, environment);
        }

        text.AppendLine().AppendLine("Compare the ratios of one run, not the absolute times of two. A ratio is the median of the rounds' own ratios; measured and reference are medians, and the spread is that of the")
            .AppendLine("quartiles. Every raw sample is in report.json.");
        foreach (IGrouping<string, ReportRow> group in report.Rows.GroupBy(row => row.Group))
        {
            WriteGroup(text, group.Key, [.. group]);
        }

        if (drawings.Count > 0)
        {
            text.AppendLine().AppendLine("## Charts").AppendLine();
            foreach ((string file, string title, _) in drawings)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"![{title}]({file})").AppendLine();
            }
        }

        return text.ToString();
    }

    private static void WriteEnvironment(StringBuilder text, RunEnvironment environment)
    {
        string commit = environment.Commit is { } hash ? $"commit {hash[..Math.Min(12, hash.Length)]}{(environment.IsDirty ? " with changes" : "")}" : "no commit";
        string versions = string.Concat(environment.Versions.OrderBy(version => version.Key, StringComparer.Ordinal).Select(version => $"; {version.Key} {version.Value}"));
        text.AppendLine(CultureInfo.InvariantCulture, $"- `{string.Join(' ', environment.CommandLine)}`: {environment}; {commit}{versions}");
    }

    private static void WriteGroup(StringBuilder text, string name, ReportRow[] rows)
    {
        bool hasJit = rows.Any(row => row.Jit is not null);
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"## {name}").AppendLine()
            .AppendLine(hasJit
                ? "| what | measured | spread | reference in the same run | ratio | target | met | allocated | JIT | JIT allocated |"
                : "| what | measured | spread | reference in the same run | ratio | target | met | allocated |")
            .AppendLine(hasJit ? "|---|---:|---:|---:|---:|---:|:-:|---:|---:|---:|" : "|---|---:|---:|---:|---:|---:|:-:|---:|");
        foreach (ReportRow row in rows)
        {
            Distribution value = row.Value;
            string reference = row.Reference is { } floor ? $"{Figures.Short(floor.Median)} {row.Unit} ({row.ReferenceName})" : "";
            string ratio = row.Ratio is { } ratios ? ratios.Median.ToString("0.00", CultureInfo.InvariantCulture) : "";
            string met = row.IsMet switch { true => "yes", false => "**no**", null => "" };
            string remark = row.Remark is null ? "" : $" ({row.Remark})";
            text.Append(CultureInfo.InvariantCulture, $"| {row.Name}{remark} | {Figures.Short(value.Median)} {row.Unit} | {Figures.Short(value.LowerQuartile)} to {Figures.Short(value.UpperQuartile)} ")
                .Append(CultureInfo.InvariantCulture, $"| {reference} | {ratio} | {string.Join(", ", row.Targets.Select(target => target.Text))} | {met} | {Bytes(row.AllocatedBytes)} |");
            text.AppendLine(hasJit ? $" {(row.Jit is { } jit ? $"{Figures.Short(jit.Value)} {row.Unit}" : "")} | {Bytes(row.Jit?.AllocatedBytes)} |" : "");
        }
    }

    private static string Bytes(double? count) => count is { } bytes ? $"{Figures.Short(bytes)} B" : "";
}
