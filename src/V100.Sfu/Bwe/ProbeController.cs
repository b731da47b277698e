using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Decides when more is tried than is known to fit: at the start, 3 and 6 times the start value; after a drop, what was there before it;
/// and 1.5 times what fits, while more is wanted: where frames can give signs of spare capacity, at such signs alone, else now and then, at
/// longer intervals after each probe in vain; and again as long as probes succeed.
/// </summary>
/// <remarks>
/// One cluster at a time: take it with <see cref="TryTake"/>, and give <see cref="OnResult"/> what it measured; one without a result is
/// given up after a second.
/// </remarks>
internal sealed class ProbeController(long startBps, long maxBps)
{
    private const double FirstFactor = 3;
    private const double SecondFactor = 6;
    private const double StepFactor = 1.5;

    /// <summary>The share of a probe's rate that must have come for a further one.</summary>
    private const double SuccessShare = 0.85;

    /// <summary>More than what is wanted is worth little: so much more shows that the wanted fits.</summary>
    private const double DemandFactor = 1.2;
    private const double LargeDrop = 0.66;
    private const double RecoveryShare = 0.85;

    /// <summary>A probe for less gain than this is not worth its queue.</summary>
    private const double MinGain = 1.05;
    private const int MinPackets = 5;
    private const double JitterFactor = 3;

    private static readonly TimeSpan _startDuration = TimeSpan.FromMilliseconds(15);

    /// <summary>More than a frame interval: what others send in the meantime shows in the result.</summary>
    private static readonly TimeSpan _stepDuration = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _maxDuration = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _resultTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _calm = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _minInterval = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan _maxInterval = TimeSpan.FromSeconds(7);

    /// <summary>Signs may fail to come, as where every frame is one packet: after this time a probe looks without them.</summary>
    private static readonly TimeSpan _maxSilence = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _maxSpareInterval = TimeSpan.FromSeconds(24);

    private int _lastId;
    private int _startProbes;
    private bool _hasSign;
    private Instant _lastSignAt = new(long.MinValue / 2);
    private bool _isStarting;
    private long _outstandingBps;
    private Instant _outstandingSince = Instant.Never;
    private long _nextBps;
    private long _beforeDropBps;
    private Instant _nextAt = Instant.Never;
    private Instant _lastAt = new(long.MinValue / 2);
    private Instant _calmAt = new(long.MinValue / 2);
    private TimeSpan _interval = _minInterval;
    private TimeSpan _spareInterval = _minInterval;

    /// <summary>Something more is to be decided then.</summary>
    public Instant NextDeadline { get; private set; } = Instant.Never;

    /// <summary>Looks whether a probe is due.</summary>
    /// <param name="estimateBps">What is known to fit.</param>
    /// <param name="demandBps">What is wanted.</param>
    /// <param name="isCalm">Neither delays nor losses speak against it.</param>
    /// <param name="needsSign">Signs of spare capacity would show: without <see cref="OnSpare"/> there is nothing to look for, unless there are none for long.</param>
    /// <param name="now">The time.</param>
    public void Update(long estimateBps, long demandBps, bool isCalm, bool needsSign, Instant now)
    {
        if (_outstandingSince != Instant.Never && now - _outstandingSince >= _resultTimeout)
        {
            // The pacer never got it out, or its feedback is lost: it says nothing.
            _outstandingSince = Instant.Never;
            _nextAt = now + _interval;
        }

        if (_nextAt == Instant.Never)
        {
            _nextAt = now;
        }

        long limit = Limit(demandBps);
        bool isWanted = limit > MinGain * estimateBps;
        NextDeadline = Instant.Never;
        if (_outstandingSince != Instant.Never)
        {
            NextDeadline = _outstandingSince + _resultTimeout;
            return;
        }

        if (!isWanted || _nextBps > 0)
        {
            return;
        }

        if (_startProbes < 2)
        {
            _startProbes++;
            _isStarting = true;
            Request(_startProbes == 1 ? FirstFactor * startBps : SecondFactor * startBps, estimateBps, limit);
            return;
        }

        if (now < _nextAt)
        {
            NextDeadline = _nextAt;
        }
        else if (isCalm && (_hasSign || !needsSign || now - _lastSignAt >= _maxSilence))
        {
            _isStarting = false;
            Request(Math.Max(StepFactor * estimateBps, RecoveryShare * _beforeDropBps), estimateBps, limit);
            _beforeDropBps = 0;
        }
    }

    /// <summary>Overuse lowered the estimate: what was tried before is no longer of use, and calm must come first.</summary>
    public void OnDecrease(long previousBps, long estimateBps, Instant now)
    {
        if (estimateBps < LargeDrop * previousBps)
        {
            // What made it drop may pass: probes come often again.
            _beforeDropBps = Math.Max(_beforeDropBps, previousBps);
            _interval = _minInterval;
            _spareInterval = _minInterval;
        }

        _startProbes = 2;
        _nextBps = 0;
        _calmAt = now + _calm;
        _nextAt = _nextAt == Instant.Never || _nextAt < _calmAt ? _calmAt : _nextAt;
    }

    /// <summary>There are signs that more fits: the next probe need not wait, unless such signs were in vain lately.</summary>
    public void OnSpare(Instant now)
    {
        _lastSignAt = now;
        if (_outstandingSince == Instant.Never && now - _lastAt >= _spareInterval && now >= _calmAt)
        {
            TimeSpan doubled = _spareInterval * 2;
            _spareInterval = doubled > _maxSpareInterval ? _maxSpareInterval : doubled;
            _nextAt = now;
            _hasSign = true;
        }
    }

    /// <summary>The estimate's history ended by hand of other causes than overuse, as silence; probing starts anew.</summary>
    public void Restart(Instant now)
    {
        _interval = _minInterval;
        _nextAt = now;
    }

    /// <param name="jitter">Of the path: a probe must be longer than that to measure anything.</param>
    /// <param name="now">The time.</param>
    /// <param name="cluster">What to send.</param>
    public bool TryTake(TimeSpan jitter, Instant now, out ProbeCluster cluster)
    {
        cluster = default;
        if (_nextBps == 0)
        {
            return false;
        }

        _lastId = _lastId == int.MaxValue ? 1 : _lastId + 1;
        TimeSpan wanted = jitter * JitterFactor;
        TimeSpan least = _isStarting ? _startDuration : _stepDuration;
        TimeSpan duration = wanted > _maxDuration ? _maxDuration : wanted > least ? wanted : least;
        int bytes = (int)Math.Min(_nextBps * duration.TotalSeconds / 8, int.MaxValue / 2);
        cluster = new ProbeCluster(_lastId, _nextBps, bytes, MinPackets, duration);
        _outstandingBps = _nextBps;
        _outstandingSince = now;
        _lastAt = now;
        _lastSignAt = now;
        _hasSign = false;
        _nextBps = 0;
        return true;
    }

    /// <summary>What a cluster measured.</summary>
    /// <param name="id">The cluster.</param>
    /// <param name="resultBps">What came.</param>
    /// <param name="estimateBps">With the result in it.</param>
    /// <param name="demandBps">What is wanted.</param>
    /// <param name="now">The time.</param>
    public void OnResult(int id, long resultBps, long estimateBps, long demandBps, Instant now)
    {
        if (id != _lastId || _outstandingSince == Instant.Never)
        {
            return;
        }

        _outstandingSince = Instant.Never;
        long limit = Limit(demandBps);
        if (_startProbes < 2)
        {
            return;
        }

        _isStarting = false;
        if (resultBps >= SuccessShare * _outstandingBps)
        {
            _interval = _minInterval;
            _spareInterval = _minInterval;
            _nextAt = now + _interval;
            if (limit > MinGain * estimateBps)
            {
                Request(StepFactor * estimateBps, estimateBps, limit);
            }

            return;
        }

        TimeSpan doubled = _interval * 2;
        _interval = doubled > _maxInterval ? _maxInterval : doubled;
        _nextAt = now + _interval;
    }

    private long Limit(long demandBps) => (long)Math.Min(maxBps, DemandFactor * demandBps);

    private void Request(double bps, long estimateBps, long limit)
    {
        double rate = Math.Min(bps, limit);
        _nextBps = rate > estimateBps ? (long)rate : 0;
    }
}
