namespace V100.Sfu.Bwe;

/// <summary>The step from one group of packets to the next.</summary>
/// <param name="SendMs">Between the last packets' times of sending.</param>
/// <param name="ArrivalMs">Between the last packets' arrivals, by the receiver's clock.</param>
/// <param name="ArrivedAtUs">When the later group was complete, by the receiver's clock.</param>
internal readonly record struct GroupDelta(double SendMs, double ArrivalMs, long ArrivedAtUs)
{
    /// <summary>How much longer the later group was on its way.</summary>
    public double DelayMs => ArrivalMs - SendMs;
}
