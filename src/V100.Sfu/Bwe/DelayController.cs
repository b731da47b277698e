using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// From packets that arrived to the signal of delays and the acknowledged rate: grouping, trend and detector in a row. All arrival times
/// are of the receiver's clock, whose start and steps do not matter.
/// </summary>
internal sealed class DelayController
{
    public const int RecentMs = 200;
    public const int SteadyMs = 500;

    /// <summary>A receiver's clock that leaves ours by more than this between two feedbacks was set.</summary>
    private const long MaxClockStepUs = 5_000_000;

    private const double OwnJitterMs = 6;

    /// <summary>The queue that must stand for overuse: so much, and so many times the jitter, but no more than the last.</summary>
    private const double MinQueueMs = 8;
    private const double QueueOverJitter = 4;
    private const double MaxQueueMs = 24;
    private const double MaxJitterMs = 100;

    private readonly InterGroupDelay _groups = new();
    private readonly TrendlineEstimator _trendline = new();
    private readonly OveruseDetector _detector = new();
    private readonly RateWindow _acknowledged = new();
    private readonly StandingQueue _queue = new();
    private double _jitterMs;
    private long _clockOffsetUs;
    private bool _hasOffset;
    private bool _sawOveruse;

    public double TrendMs => _trendline.TrendMs;
    public double ThresholdMs => _detector.ThresholdMs;

    /// <summary>
    /// Overuse when any group of the packets since <see cref="Begin"/> said so, else what the last one said. A trend without a queue is
    /// jitter, or a frame that stood behind a probe.
    /// </summary>
    public DelaySignal Signal =>
        !HasTrend ? _detector.Signal
        : QueueMs >= Math.Min(MinQueueMs + QueueOverJitter * Jitter.TotalMilliseconds, MaxQueueMs) ? DelaySignal.Overuse
        : DelaySignal.Normal;

    /// <summary>Delays grow, whether a queue stands or not.</summary>
    public bool HasTrend => _sawOveruse || _detector.Signal == DelaySignal.Overuse;

    /// <summary>Of the standing queue.</summary>
    public double QueueMs => _queue.DelayMs;

    /// <summary>Of arrivals, beyond what a frame's own packets make by standing behind each other.</summary>
    public TimeSpan Jitter => TimeSpan.FromMilliseconds(Math.Max(0, _jitterMs - OwnJitterMs));

    public long RecentBps => _acknowledged.RateBps(RecentMs);
    public long SteadyBps => _acknowledged.RateBps(SteadyMs);

    /// <summary>Begins the packets of one feedback.</summary>
    public void Begin() => _sawOveruse = false;

    public void OnPacket(Instant sentAt, long arrivalUs, int bytes, Instant now)
    {
        CheckClock(arrivalUs, now);
        _acknowledged.Add(arrivalUs, bytes);
        _queue.OnPacket(sentAt, arrivalUs, Jitter);
        if (_groups.OnPacket(sentAt, arrivalUs, out GroupDelta delta))
        {
            _jitterMs += (Math.Min(Math.Abs(delta.DelayMs), MaxJitterMs) - _jitterMs) / 16;
            _trendline.Update(delta);
            _detector.Update(_trendline.TrendMs, delta.SendMs, delta.ArrivedAtUs);
            _sawOveruse |= _detector.Signal == DelaySignal.Overuse;
        }
    }

    /// <summary>Counts a packet that is taken to have come then; it says nothing of delays.</summary>
    public void OnPresumed(long arrivalUs, int bytes) => _acknowledged.Add(arrivalUs, bytes);

    /// <summary>Forgets delays, keeps the adapted threshold: after silence, or when the receiver's clock was set.</summary>
    public void Reset()
    {
        _groups.Reset();
        _trendline.Reset();
        _detector.Reset();
        _acknowledged.Reset();
        _queue.Reset();
        _hasOffset = false;
        _sawOveruse = false;
    }

    private void CheckClock(long arrivalUs, Instant now)
    {
        long offsetUs = arrivalUs - now.Nanoseconds / 1000;
        if (_hasOffset && Math.Abs(offsetUs - _clockOffsetUs) > MaxClockStepUs)
        {
            Reset();
        }

        _clockOffsetUs = offsetUs;
        _hasOffset = true;
    }
}
