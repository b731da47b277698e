using System.Globalization;
using System.Text.Json;

namespace V100.Micro;

/// <summary>One row of the report.</summary>
/// <param name="Group">What it belongs to.</param>
/// <param name="Name">What was done.</param>
/// <param name="Value">The median of the rounds.</param>
/// <param name="Unit">Of value and floor.</param>
/// <param name="Floor">What the floor is.</param>
/// <param name="FloorValue">The median of its rounds.</param>
/// <param name="Ratio">The median of the rounds' ratios, which is not that of the medians.</param>
/// <param name="AllocatedBytes">Managed bytes for each.</param>
internal sealed record Row(
    string Group, string Name, double Value, string Unit, string? Floor, double? FloorValue, double? Ratio, double AllocatedBytes)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static void WriteJson(string path, IReadOnlyList<Row> rows) => File.WriteAllText(path, JsonSerializer.Serialize(rows, _json));

    public override string ToString()
    {
        string floor = Floor is null ? "" : string.Create(CultureInfo.InvariantCulture, $"; {Ratio:0.00} of {FloorValue:0.0} ({Floor})");
        return string.Create(CultureInfo.InvariantCulture, $"{Group}: {Name}: {Value:0.0} {Unit}{floor}; {AllocatedBytes:0.##} B allocated");
    }
}
