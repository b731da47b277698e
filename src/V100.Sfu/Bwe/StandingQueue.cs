using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// The queue that never empties: the least one-way delay of the last moments, less the least of the last 20 s. Minima take no notice of
/// jitter, which hides a queue from the trend of delays.
/// </summary>
internal sealed class StandingQueue
{
    private const int BaseSlots = 40;
    private const long BaseSlotUs = 500_000;
    private const int RecentSlots = 3;
    private const long RecentSlotUs = 100_000;

    private readonly SlidingMinimum _base = new(BaseSlots, BaseSlotUs);
    private readonly SlidingMinimum _recent = new(RecentSlots, RecentSlotUs);

    /// <summary>In milliseconds; 0 while unknown.</summary>
    public double DelayMs => _base.IsEmpty ? 0 : Math.Max(0, (_recent.Least - _base.Least) / 1000.0);

    public void OnPacket(Instant sentAt, long arrivalUs)
    {
        long delayUs = arrivalUs - sentAt.Nanoseconds / 1000;
        _base.Add(arrivalUs, delayUs);
        _recent.Add(arrivalUs, delayUs);
    }

    public void Reset()
    {
        _base.Reset();
        _recent.Reset();
    }
}
