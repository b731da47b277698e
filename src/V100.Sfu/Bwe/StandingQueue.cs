using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// The queue that never empties: the least one-way delay of the last moments, less the least of the last minute. Minima take no notice of
/// jitter, which hides a queue from the trend of delays. What stands still for seconds, while rates move, is no queue: the path became longer.
/// </summary>
internal sealed class StandingQueue
{
    private const int BaseSlots = 40;
    private const long BaseSlotUs = 1_500_000;
    private const int RecentSlots = 3;
    private const long RecentSlotUs = 100_000;

    private const double StillSeconds = 3;
    private const double MinStillMs = 12;
    private const double MaxSpreadMs = 6;

    private readonly SlidingMinimum _base = new(BaseSlots, BaseSlotUs);
    private readonly SlidingMinimum _recent = new(RecentSlots, RecentSlotUs);

    private long _watchedFromUs;
    private double _leastMs;
    private double _mostMs;

    /// <summary>In milliseconds; 0 while unknown.</summary>
    public double DelayMs => _base.IsEmpty ? 0 : Math.Max(0, (_recent.Least - _base.Least) / 1000.0);

    public void OnPacket(Instant sentAt, long arrivalUs, TimeSpan jitter)
    {
        long delayUs = arrivalUs - sentAt.Nanoseconds / 1000;
        _base.Add(arrivalUs, delayUs);
        _recent.Add(arrivalUs, delayUs);
        Watch(arrivalUs, jitter.TotalMilliseconds);
    }

    public void Reset()
    {
        _watchedFromUs = long.MaxValue;
        _base.Reset();
        _recent.Reset();
    }

    private void Watch(long arrivalUs, double jitterMs)
    {
        double delayMs = DelayMs;
        if (delayMs < MinStillMs || arrivalUs < _watchedFromUs)
        {
            _watchedFromUs = arrivalUs;
            _leastMs = delayMs;
            _mostMs = delayMs;
            return;
        }

        _leastMs = Math.Min(_leastMs, delayMs);
        _mostMs = Math.Max(_mostMs, delayMs);
        if (_mostMs - _leastMs > MaxSpreadMs + jitterMs)
        {
            _watchedFromUs = arrivalUs;
            _leastMs = delayMs;
            _mostMs = delayMs;
        }
        else if (arrivalUs - _watchedFromUs >= StillSeconds * 1e6)
        {
            _base.Reset();
            _base.Add(arrivalUs, _recent.Least);
            _watchedFromUs = arrivalUs;
        }
    }
}
