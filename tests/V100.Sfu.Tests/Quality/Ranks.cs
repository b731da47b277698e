namespace V100.Sfu.Tests.Quality;

internal static class Ranks
{
    /// <summary>Spearman's correlation: Pearson's of the ranks, equal values with the mean of theirs.</summary>
    public static double Spearman(double[] left, double[] right)
    {
        double[] leftRanks = Of(left);
        double[] rightRanks = Of(right);
        double leftMean = leftRanks.Average();
        double rightMean = rightRanks.Average();
        double together = leftRanks.Zip(rightRanks, (one, other) => (one - leftMean) * (other - rightMean)).Sum();
        return together / Math.Sqrt(leftRanks.Sum(rank => (rank - leftMean) * (rank - leftMean)) * rightRanks.Sum(rank => (rank - rightMean) * (rank - rightMean)));
    }

    private static double[] Of(double[] values) => Array.ConvertAll(values, value => values.Count(other => other < value) + (values.Count(other => other == value) + 1) / 2.0);
}
