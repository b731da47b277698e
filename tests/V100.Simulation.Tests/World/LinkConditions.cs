namespace V100.Simulation.World;

/// <summary>What one direction of a client's path does to its packets.</summary>
internal sealed record LinkConditions
{
    public static LinkConditions Good { get; } = new();

    /// <summary>0 to 1, of each packet on its own.</summary>
    public double Loss { get; init; }

    /// <summary>0 to 1.</summary>
    public double Duplication { get; init; }

    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Added at random, evenly from 0 to this: packets overtake each other.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>0 for no limit. What does not fit <see cref="QueueBytes"/> is lost.</summary>
    public long RateBps { get; init; }
    public int QueueBytes { get; init; } = 128 * 1024;

    /// <summary>What passes at once after a pause, as through a token bucket: 0 for a link that has no such thing.</summary>
    public int BurstBytes { get; init; }
}
