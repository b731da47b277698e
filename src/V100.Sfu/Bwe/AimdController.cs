using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// The rate that delays allow (draft-ietf-rmcat-gcc-02, 5.5): additive increase near the known capacity, multiplicative far from it,
/// 0.85 times what arrived at overuse. It never exceeds 1.5 times what arrives, nor what a probe found the path to be full with while little of it is used, so that an
/// idle sender learns nothing that it did not test.
/// </summary>
internal sealed class AimdController(long startBps, long minBps, long maxBps, double weight = 1)
{
    private const double Decrease = 0.85;

    /// <summary>
    /// Per second, and how much more of it for each second that nothing spoke against: far from the last known capacity, the longer delays stay
    /// calm the less likely the path is nearly full. Probes find it sooner, where jitter lets them measure.
    /// </summary>
    private const double MultiplicativeIncrease = 0.08;
    private const double Acceleration = 0.12;
    private const double MaxMultiplicativeIncrease = 0.5;

    /// <summary>Times the last known capacity: below it the increase does not accelerate, since that was an uncertain mean.</summary>
    private const double NearCapacity = 1.2;
    private const double HeadroomFactor = 1.5;
    private const double HeadroomBps = 10_000;

    /// <summary>Who sends less than this of the rate learns nothing of a path that a probe found full, and stays below what that carried.</summary>
    private const double UntestedShare = 0.8;

    /// <summary>
    /// Bit/s per second. The draft's one packet per response time gives flows of short round trips several times as much; the same for all
    /// lets them share.
    /// </summary>
    private const double AdditiveIncrease = 40_000;
    private const double MinWeight = 0.25;
    private const double MaxWeight = 4;

    private static readonly TimeSpan _minDecreaseInterval = TimeSpan.FromMilliseconds(200);

    private readonly LinkCapacity _capacity = new();
    private readonly double _additiveIncrease = AdditiveIncrease * Math.Clamp(weight, MinWeight, MaxWeight);

    // Overuse meets those that share a path at different times: to weigh the increase alone would not do.
    private readonly double _decrease = 1 - (1 - Decrease) / Math.Sqrt(Math.Clamp(weight, MinWeight, MaxWeight));
    private double _rateBps = startBps;
    private Phase _phase = Phase.Hold;
    private Instant _updatedAt;
    private bool _hasUpdated;
    private double _calmSeconds;

    // What the last probe carried that found the path full, until more was seen to come.
    private double _fullBps = double.MaxValue;
    private Instant _decreasedAt = new(long.MinValue / 2);

    private enum Phase
    {
        Hold,
        Increase,
    }

    public long RateBps => (long)_rateBps;

    /// <summary>The last raise was held back by how little arrives.</summary>
    public bool IsHeldByDemand { get; private set; }

    /// <summary>When overuse last lowered the rate.</summary>
    public Instant DecreasedAt => _decreasedAt;

    /// <param name="signal">From the detector.</param>
    /// <param name="isCalm">Nothing at all speaks for a queue.</param>
    /// <param name="recentBps">What arrived in the last moments; 0 when unknown.</param>
    /// <param name="steadyBps">What arrived over a longer time; 0 when unknown.</param>
    /// <param name="roundTrip">Of feedback.</param>
    /// <param name="now">The time.</param>
    /// <returns>True when the rate was lowered.</returns>
    public bool Update(DelaySignal signal, bool isCalm, long recentBps, long steadyBps, TimeSpan roundTrip, Instant now)
    {
        double seconds = _hasUpdated ? Math.Clamp((now - _updatedAt).TotalSeconds, 0, 1) : 0;
        _updatedAt = now;
        _hasUpdated = true;
        switch (signal)
        {
            case DelaySignal.Overuse:
                _phase = Phase.Hold;
                _calmSeconds = 0;
                return TryDecrease(recentBps, roundTrip, now);
            case DelaySignal.Underuse:
                _phase = Phase.Hold;
                return false;
            default:
                _calmSeconds = isCalm ? _calmSeconds : 0;
                if (_phase == Phase.Increase)
                {
                    Increase(steadyBps, seconds);
                }

                _phase = Phase.Increase;
                return false;
        }
    }

    /// <summary>
    /// Takes what a probe measured, when it is more: half of the gain where the path was full before, since others may have left a gap
    /// that the probe alone fitted into; probes that go on succeeding soon make up for it.
    /// </summary>
    public void Raise(long bps)
    {
        _fullBps = bps > _fullBps ? double.MaxValue : _fullBps;
        double raised = _capacity.IsKnown ? (_rateBps + bps) / 2 : bps;
        _rateBps = Math.Clamp(Math.Max(_rateBps, raised), minBps, maxBps);
    }

    /// <summary>Takes what a probe carried that found the path full.</summary>
    public void Bound(long bps)
    {
        NoteCapacity(bps);
        Lower(bps);
        _fullBps = bps;
    }

    /// <summary>Goes no higher than this; for what other signs than delay demand.</summary>
    public void Lower(long bps) => _rateBps = Math.Clamp(Math.Min(_rateBps, bps), minBps, maxBps);

    private void Increase(long steadyBps, double seconds)
    {
        if (_capacity.IsAbove(steadyBps))
        {
            _capacity.Forget();
        }

        bool isNear = _capacity.IsKnown || _rateBps < NearCapacity * _capacity.MeanBps;
        _calmSeconds = isNear ? 0 : _calmSeconds + seconds;
        double growth = Math.Min(MultiplicativeIncrease + Acceleration * _calmSeconds, MaxMultiplicativeIncrease);
        double step = _capacity.IsKnown ? _additiveIncrease * seconds : _rateBps * (Math.Pow(1 + growth, seconds) - 1);
        double limit = steadyBps > 0 ? HeadroomFactor * steadyBps + HeadroomBps : 0;
        _fullBps = steadyBps > _fullBps ? double.MaxValue : _fullBps;
        limit = steadyBps < UntestedShare * _rateBps ? Math.Min(limit, _fullBps) : limit;
        IsHeldByDemand = _rateBps >= limit;
        if (!IsHeldByDemand)
        {
            _rateBps = Math.Clamp(Math.Min(_rateBps + step, limit), minBps, maxBps);
        }
    }

    private bool TryDecrease(long recentBps, TimeSpan roundTrip, Instant now)
    {
        TimeSpan interval = roundTrip > _minDecreaseInterval ? _minDecreaseInterval : roundTrip;
        bool isFarAbove = recentBps > 0 && recentBps < _rateBps / 2;
        if (now - _decreasedAt < interval && !isFarAbove)
        {
            return false;
        }

        double acknowledged = recentBps > 0 ? recentBps : _rateBps;
        double target = _decrease * acknowledged;
        if (target > _rateBps && _capacity.IsKnown)
        {
            target = _decrease * _capacity.MeanBps;
        }

        NoteCapacity(acknowledged);
        _decreasedAt = now;
        double previous = _rateBps;
        _rateBps = Math.Clamp(Math.Min(target, _rateBps), minBps, maxBps);
        return _rateBps < previous;
    }

    private void NoteCapacity(double bps)
    {
        if (_capacity.IsBelow(bps))
        {
            _capacity.Forget();
        }

        _capacity.OnOveruse(bps);
    }
}
