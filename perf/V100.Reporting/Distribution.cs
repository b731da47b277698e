namespace V100.Reporting;

/// <summary>How samples are spread, in their unit. Quartiles are interpolated between the two nearest samples.</summary>
/// <param name="Min">The least of them.</param>
/// <param name="LowerQuartile">A quarter of them are below.</param>
/// <param name="Median">A half of them are below.</param>
/// <param name="UpperQuartile">Three quarters of them are below.</param>
/// <param name="Max">The greatest of them.</param>
public sealed record Distribution(double Min, double LowerQuartile, double Median, double UpperQuartile, double Max)
{
    /// <param name="samples">At least one, in any order.</param>
    public static Distribution Of(IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        return sorted.Length > 0
            ? new Distribution(sorted[0], Quantile(sorted, 0.25), Quantile(sorted, 0.5), Quantile(sorted, 0.75), sorted[^1])
            : throw new ArgumentException("There is nothing to summarize.", nameof(samples));
    }

    private static double Quantile(double[] sorted, double fraction)
    {
        double place = fraction * (sorted.Length - 1);
        int below = (int)place;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
