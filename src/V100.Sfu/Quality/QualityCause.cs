namespace V100.Sfu.Quality;

/// <summary>What spoils a stream most.</summary>
public enum QualityCause
{
    /// <summary>Nothing, or nothing that is known.</summary>
    None,

    /// <summary>The publisher's path, or what it sends.</summary>
    BadUplink,

    /// <summary>The subscriber's path.</summary>
    BadDownlink,

    /// <summary>The subscriber's device shows less than what is sent to it, though nothing is lost.</summary>
    SlowDevice,
}

/// <summary>Tells causes apart: that path is to blame without which the score would be higher.</summary>
internal static class QualityCauses
{
    /// <summary>Streams with more are good enough to blame nobody.</summary>
    private const double GoodScore = 3.8;

    /// <summary>What a path must take away to be blamed.</summary>
    private const double Noticed = 0.25;

    public static QualityCause OfPublication(in QualityInputs inputs, double score) =>
        score < GoodScore && Math.Max(inputs.WithoutUplink.Score, (inputs with { Enlargement = 1 }).Score) >= score + Noticed ? QualityCause.BadUplink : QualityCause.None;

    public static QualityCause OfSubscription(in QualityInputs inputs, double score)
    {
        if (score >= GoodScore)
        {
            return QualityCause.None;
        }

        double uplink = inputs.WithoutUplink.Score - score;
        double downlink = inputs.WithoutDownlink.Score - score;
        return Math.Max(uplink, downlink) < Noticed ? QualityCause.None : uplink > downlink ? QualityCause.BadUplink : QualityCause.BadDownlink;
    }
}
