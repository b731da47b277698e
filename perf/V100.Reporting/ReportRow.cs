using System.Text.Json.Serialization;

namespace V100.Reporting;

/// <summary>What the same operation cost when the just-in-time compiler made its code: BenchmarkDotNet's figures, from a run of their own.</summary>
/// <param name="Value">The mean, in the row's unit.</param>
/// <param name="AllocatedBytes">Managed bytes for each operation.</param>
public sealed record JitFigure(double Value, double AllocatedBytes);

/// <summary>
/// One thing that was measured, with every raw sample. Where there is a reference, sample i of both comes from round i of one run, one right
/// after the other: the ratio is the median of the rounds' own ratios, which holds still where the machine's speed wanders.
/// </summary>
public sealed record ReportRow
{
    /// <summary>What it belongs to; a report has a section and a chart for each.</summary>
    public required string Group { get; init; }

    public required string Name { get; init; }

    /// <summary>Of samples, reference samples, and targets of the value.</summary>
    public required string Unit { get; init; }

    /// <summary>One for each round, in the order of the run.</summary>
    public required IReadOnlyList<double> Samples { get; init; }

    /// <summary>What the reference is, in words.</summary>
    public string? ReferenceName { get; init; }

    /// <summary>As many as <see cref="Samples"/>, from the same rounds.</summary>
    public IReadOnlyList<double>? ReferenceSamples { get; init; }

    /// <summary>Managed bytes for each operation; null where it was not counted.</summary>
    public double? AllocatedBytes { get; init; }

    public IReadOnlyList<Target> Targets { get; init; } = [];

    public JitFigure? Jit { get; init; }

    /// <summary>What a reader must know of it: what was left out, why there is no figure.</summary>
    public string? Remark { get; init; }

    public Distribution Value => Distribution.Of(Samples);

    public Distribution? Reference => ReferenceSamples is null ? null : Distribution.Of(ReferenceSamples);

    /// <summary>Of each round the sample by its reference.</summary>
    public Distribution? Ratio => ReferenceSamples is null ? null : Distribution.Of(Ratios(Samples, ReferenceSamples));

    /// <summary>Whether all targets are reached; null where there are none.</summary>
    public bool? IsMet => Targets.Count == 0 ? null : Targets.All(target => target.IsMetBy(Value.Median, Ratio?.Median));

    [JsonIgnore]
    public string FullName => $"{Group}: {Name}";

    private static IEnumerable<double> Ratios(IReadOnlyList<double> samples, IReadOnlyList<double> references) =>
        samples.Count == references.Count
            ? samples.Zip(references, (sample, reference) => sample / reference)
            : throw new InvalidOperationException("A round has a sample and a reference.");
}
