using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Keeps the standing queue short where the trend of delays is content: flows that share a path each see the trend of all, and together
/// may keep a queue that none of them sees grow. Above <see cref="HoldMs"/> the rate is not raised, above <see cref="LowerMs"/> it is
/// lowered. A queue that does not shrink for that is another's (a transfer over TCP, say): it is then left alone, or it would starve this
/// flow.
/// </summary>
internal sealed class QueueController
{
    public const double HoldMs = 35;
    public const double LowerMs = 65;

    private const int MaxInVain = 3;
    private const double ShrinkShare = 0.9;

    private static readonly TimeSpan _reaction = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan _truce = TimeSpan.FromSeconds(10);

    private double _loweredAtMs;
    private Instant _loweredAt = new(long.MinValue / 2);
    private int _inVain;
    private Instant _competesUntil = new(long.MinValue / 2);

    /// <summary>Another sender fills the queue.</summary>
    public bool IsCompeting { get; private set; }

    /// <summary>What the trend says, made stricter by the queue.</summary>
    public DelaySignal Judge(DelaySignal trend, double queueMs, TimeSpan roundTrip, Instant now)
    {
        IsCompeting = now < _competesUntil && queueMs > HoldMs / 2;
        if (IsCompeting || queueMs <= HoldMs)
        {
            _inVain = queueMs <= HoldMs ? 0 : _inVain;
            return trend;
        }

        if (queueMs <= LowerMs || trend == DelaySignal.Underuse)
        {
            return trend == DelaySignal.Normal ? DelaySignal.Underuse : trend;
        }

        if (now - _loweredAt < roundTrip + _reaction)
        {
            return trend == DelaySignal.Normal ? DelaySignal.Underuse : trend;
        }

        _inVain = queueMs > ShrinkShare * _loweredAtMs && now - _loweredAt < 3 * (roundTrip + _reaction) ? _inVain + 1 : 0;
        _loweredAt = now;
        _loweredAtMs = queueMs;
        if (_inVain >= MaxInVain)
        {
            _inVain = 0;
            _competesUntil = now + _truce;
            IsCompeting = true;
            return trend;
        }

        return DelaySignal.Overuse;
    }
}
