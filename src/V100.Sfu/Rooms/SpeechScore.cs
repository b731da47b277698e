namespace V100.Sfu.Rooms;

/// <summary>
/// How likely a piece of time is speech, by how many of its parts are active: the log of a binomial likelihood against an exponential prior of
/// silence (Volfin and Cohen, 2013, section 3).
/// </summary>
internal static class SpeechScore
{
    /// <summary>Scores are divided by each other: none is 0.</summary>
    public const double Least = 1e-10;

    /// <summary>The score of 0 to <paramref name="parts"/> active parts; each is active in half of all time.</summary>
    public static double[] Table(int parts, double lambda)
    {
        var scores = new double[parts + 1];
        double logBinomial = 0;
        for (int active = 0; active <= parts; active++)
        {
            double score = logBinomial + parts * Math.Log(0.5) - Math.Log(lambda) + lambda * active;
            scores[active] = Math.Max(score, Least);
            logBinomial += active < parts ? Math.Log((parts - active) / (active + 1.0)) : 0;
        }

        return scores;
    }
}
