using System.Globalization;
using System.Text.Json.Serialization;

namespace V100.Reporting;

/// <summary>What of a row a target speaks of.</summary>
public enum TargetSubject
{
    /// <summary>The median of the samples, in the row's unit.</summary>
    Value,

    /// <summary>The median of the ratios of the rounds.</summary>
    Ratio,
}

/// <summary>On which side of the limit the target lies.</summary>
public enum TargetBound
{
    AtMost,
    AtLeast,
}

/// <summary>What a row has to reach.</summary>
/// <param name="Of">What is compared.</param>
/// <param name="Bound">The good side.</param>
/// <param name="Limit">In the row's unit, or a ratio; the limit itself is good.</param>
public sealed record Target(TargetSubject Of, TargetBound Bound, double Limit)
{
    public static Target ValueAtMost(double limit) => new(TargetSubject.Value, TargetBound.AtMost, limit);

    public static Target ValueAtLeast(double limit) => new(TargetSubject.Value, TargetBound.AtLeast, limit);

    public static Target RatioAtMost(double limit) => new(TargetSubject.Ratio, TargetBound.AtMost, limit);

    public static Target RatioAtLeast(double limit) => new(TargetSubject.Ratio, TargetBound.AtLeast, limit);

    [JsonIgnore]
    public string Text => string.Create(
        CultureInfo.InvariantCulture, $"{(Bound == TargetBound.AtMost ? "≤" : "≥")} {Figures.Short(Limit)}{(Of == TargetSubject.Ratio ? " ×" : "")}");

    /// <summary>Whether it is reached. A ratio that could not be measured reaches nothing.</summary>
    public bool IsMetBy(double value, double? ratio)
    {
        double measured = Of == TargetSubject.Value ? value : ratio ?? double.NaN;
        return Bound == TargetBound.AtMost ? measured <= Limit : measured >= Limit;
    }
}
