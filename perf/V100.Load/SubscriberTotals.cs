namespace V100.Load;

/// <summary>What a group of subscribers saw within the measured time. Groups of several processes are added up.</summary>
internal sealed record SubscriberTotals
{
    public long Received { get; init; }
    public long Repaired { get; init; }
    public long Nacks { get; init; }
    public long KeyframeRequests { get; init; }
    public long SendsDropped { get; init; }

    /// <summary>Processor time of the thread that drives them.</summary>
    public double ProcessorSeconds { get; init; }

    /// <summary>Histograms as <see cref="LatencyHistogram.ToPairs"/> gives them, in ns.</summary>
    public long[] Latency { get; init; } = [];
    public long[] Connect { get; init; } = [];
    public long[] Play { get; init; } = [];

    public SubscriberTotals Add(SubscriberTotals other) => new()
    {
        Received = Received + other.Received,
        Repaired = Repaired + other.Repaired,
        Nacks = Nacks + other.Nacks,
        KeyframeRequests = KeyframeRequests + other.KeyframeRequests,
        SendsDropped = SendsDropped + other.SendsDropped,
        ProcessorSeconds = Math.Max(ProcessorSeconds, other.ProcessorSeconds),
        Latency = Join(Latency, other.Latency),
        Connect = Join(Connect, other.Connect),
        Play = Join(Play, other.Play),
    };

    private static long[] Join(long[] left, long[] right)
    {
        LatencyHistogram joined = LatencyHistogram.FromPairs(left);
        joined.Add(LatencyHistogram.FromPairs(right));
        return joined.ToPairs();
    }
}
