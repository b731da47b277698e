namespace V100.Sfu.Bwe;

/// <summary>How a sender treats a queue that stands.</summary>
internal enum CompetitionPhase
{
    /// <summary>As its own: it yields.</summary>
    None = 0,

    /// <summary>As another's: losses alone bound the rate.</summary>
    Competing = 1,

    /// <summary>It sends a little less for a moment, to see whose it is.</summary>
    Trial = 2,
}
