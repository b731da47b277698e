using System.Text.Json;
using System.Text.Json.Serialization;

namespace V100.Reporting;

/// <summary>
/// Everything that one command measured. <see cref="WriteFolder"/> writes it as report.json (with every raw sample), report.md, and an SVG file for
/// each chart.
/// </summary>
public sealed record Report
{
    public required string Title { get; init; }

    /// <summary>One for each program that measured, in their order.</summary>
    public required IReadOnlyList<RunEnvironment> Environments { get; init; }

    public required IReadOnlyList<ReportRow> Rows { get; init; }

    /// <summary>Cost against load and the like; the bars of the rows are drawn without being asked for.</summary>
    public IReadOnlyList<LineChart> Charts { get; init; } = [];

    public static Report ReadJson(string path) =>
        JsonSerializer.Deserialize(File.ReadAllBytes(path), ReportJson.Default.Report) ?? throw new InvalidDataException($"{path} holds no report");

    /// <summary>Several programs' parts as one.</summary>
    public static Report Join(string title, IReadOnlyList<Report> parts) => new()
    {
        Title = title,
        Environments = [.. parts.SelectMany(part => part.Environments)],
        Rows = [.. parts.SelectMany(part => part.Rows)],
        Charts = [.. parts.SelectMany(part => part.Charts)],
    };

    public void WriteJson(string path) => File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(this, ReportJson.Default.Report));

    /// <summary>Writes all of it; SVG files that an earlier report left are removed.</summary>
    public void WriteFolder(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (string old in Directory.GetFiles(folder, "*.svg"))
        {
            File.Delete(old);
        }

        IReadOnlyList<(string File, string Title, string Svg)> drawings = ReportCharts.Draw(this);
        foreach ((string file, _, string svg) in drawings)
        {
            File.WriteAllText(Path.Combine(folder, file), svg);
        }

        WriteJson(Path.Combine(folder, "report.json"));
        File.WriteAllText(Path.Combine(folder, "report.md"), ReportMarkdown.Write(this, drawings));
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Report))]
internal sealed partial class ReportJson : JsonSerializerContext;
