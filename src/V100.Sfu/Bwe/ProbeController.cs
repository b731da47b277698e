using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Decides when more is tried than is known to fit: at the start, 3 and 6 times the start value; after a drop, what was there before it;
/// and 1.5 times what fits, while more is wanted: where frames can give signs of spare capacity, at such signs alone, else now and then, at
/// longer intervals after each probe in vain; and again as long as probes succeed.
/// </summary>
/// <remarks>
/// <para>
/// A short probe stands little in the way of sound, but a shaper with a bucket (tc-tbf(8), and whatever gives a burst for nothing) lets it pass
/// at any rate. Where media itself uses the estimate, it keeps such a bucket empty. Where it does not, a short one is believed only after a longer
/// one, which is gentler and carries more beyond the estimate than such buckets hold.
/// </para>
/// <para>
/// One cluster at a time: take it with <see cref="TryTake"/>, and give <see cref="OnResult"/> what it measured; one without a result is
/// given up a second after its end.
/// </para>
/// </remarks>
internal sealed class ProbeController(long startBps, long maxBps)
{
    private const double FirstFactor = 3;
    private const double SecondFactor = 6;
    private const double StepFactor = 1.5;

    /// <summary>The share of a probe's rate that must have come for a further one.</summary>
    private const double SuccessShare = 0.85;
    private const double LongSuccessShare = 0.93;

    /// <summary>More than what is wanted is worth little: so much more shows that the wanted fits.</summary>
    private const double DemandFactor = 1.2;
    private const double LargeDrop = 0.66;
    private const double RecoveryShare = 0.85;

    /// <summary>A probe for less gain than this is not worth its queue.</summary>
    private const double MinGain = 1.05;
    private const int MinPackets = 5;
    private const double JitterFactor = 3;

    /// <summary>Of the second, longer probe: what fails by it stands in the path's queue for a moment.</summary>
    private const double GentleFactor = 1.25;

    /// <summary>What a long probe carries beyond the estimate: more than a common bucket holds.</summary>
    private const int ExcessBytes = 12_000;

    /// <summary>In the beginning, when nothing is known: on a path that is full by the first picture it stands in the queue.</summary>
    private const int StartExcessBytes = 8_000;

    private static readonly TimeSpan _startDuration = TimeSpan.FromMilliseconds(15);

    /// <summary>More than a frame interval: what others send in the meantime shows in the result.</summary>
    private static readonly TimeSpan _stepDuration = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _maxDuration = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _maxLongDuration = TimeSpan.FromMilliseconds(800);
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
    private Stage _stage;
    private long _outstandingBps;
    private Instant _outstandingUntil = Instant.Never;
    private long _nextBps;
    private long _aboveBps;
    private long _beforeDropBps;
    private Instant _nextAt = Instant.Never;
    private Instant _lastAt = new(long.MinValue / 2);
    private Instant _calmAt = new(long.MinValue / 2);
    private TimeSpan _interval = _minInterval;
    private TimeSpan _spareInterval = _minInterval;

    private enum Stage
    {
        Start,
        Short,
        Long,
    }

    /// <summary>Before the last short probe, which counts as sent itself, media used less than the estimate.</summary>
    public bool IsIdle { get; private set; }

    /// <summary>The cluster that is out and may still come to a result; 0 for none.</summary>
    public int OutstandingId => _outstandingUntil == Instant.Never ? 0 : _lastId;

    /// <summary>Something more is to be decided then.</summary>
    public Instant NextDeadline { get; private set; } = Instant.Never;

    /// <summary>Looks whether a probe is due.</summary>
    /// <param name="estimateBps">What is known to fit.</param>
    /// <param name="demandBps">What is wanted.</param>
    /// <param name="isCalm">Neither delays nor losses speak against it.</param>
    /// <param name="isIdle">Media uses less than the estimate.</param>
    /// <param name="needsSign">Signs of spare capacity would show: without <see cref="OnSpare"/> there is nothing to look for, unless there are none for long.</param>
    /// <param name="now">The time.</param>
    public void Update(long estimateBps, long demandBps, bool isCalm, bool isIdle, bool needsSign, Instant now)
    {
        if (now >= _outstandingUntil)
        {
            // The pacer never got it out, or its feedback is lost: it says nothing.
            _outstandingUntil = Instant.Never;
            _nextAt = now + _interval;
        }

        if (_nextAt == Instant.Never)
        {
            _nextAt = now;
        }

        long limit = Limit(demandBps);
        bool isWanted = limit > MinGain * estimateBps;
        NextDeadline = Instant.Never;
        if (_outstandingUntil != Instant.Never)
        {
            NextDeadline = _outstandingUntil;
            return;
        }

        if (!isWanted || _nextBps > 0)
        {
            return;
        }

        if (_startProbes < 2)
        {
            _startProbes++;
            Request(Stage.Start, _startProbes == 1 ? FirstFactor * startBps : SecondFactor * startBps, estimateBps, limit);
            return;
        }

        if (now < _nextAt)
        {
            NextDeadline = _nextAt;
        }
        else if (isCalm && (_hasSign || !needsSign || now - _lastSignAt >= _maxSilence))
        {
            IsIdle = isIdle;
            Request(Stage.Short, Math.Max(StepFactor * estimateBps, RecoveryShare * _beforeDropBps), estimateBps, limit);
            _beforeDropBps = 0;
        }
    }

    /// <summary>Overuse lowered the estimate: what was tried before is no longer of use, what is being tried ends, and calm must come first.</summary>
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
        if (_outstandingUntil != Instant.Never)
        {
            _outstandingUntil = Instant.Never;
            if (_stage == Stage.Long)
            {
                BackOff(now);
            }
        }

        _calmAt = now + _calm;
        _nextAt = _nextAt == Instant.Never || _nextAt < _calmAt ? _calmAt : _nextAt;
    }

    /// <summary>There are signs that more fits: the next probe need not wait, unless such signs were in vain lately.</summary>
    public void OnSpare(Instant now)
    {
        _lastSignAt = now;
        if (_outstandingUntil == Instant.Never && now - _lastAt >= _spareInterval && now >= _calmAt)
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
        TimeSpan duration = DurationOf(jitter);
        int bytes = (int)Math.Min(_nextBps * duration.TotalSeconds / 8, int.MaxValue / 2);
        cluster = new ProbeCluster(_lastId, _nextBps, bytes, MinPackets, duration);
        _outstandingBps = _nextBps;
        _outstandingUntil = now + duration + _resultTimeout;
        _lastAt = now;
        _lastSignAt = now;
        _hasSign = false;
        _nextBps = 0;
        return true;
    }

    /// <summary>What this cluster measures is to be believed.</summary>
    public bool IsBelieved(int id) => id == OutstandingId && (_stage != Stage.Short || !IsIdle);

    /// <summary>What a cluster measured.</summary>
    /// <param name="id">The cluster.</param>
    /// <param name="resultBps">What came.</param>
    /// <param name="estimateBps">With the result in it, where it <see cref="IsBelieved"/>.</param>
    /// <param name="demandBps">What is wanted.</param>
    /// <param name="isCalm">No queue stands that would speak against a further probe at once.</param>
    /// <param name="now">The time.</param>
    public void OnResult(int id, long resultBps, long estimateBps, long demandBps, bool isCalm, Instant now)
    {
        if (id != OutstandingId)
        {
            return;
        }

        _outstandingUntil = Instant.Never;
        long limit = Limit(demandBps);
        bool isSuccess = IsSuccess(resultBps);
        switch (_stage)
        {
            case Stage.Start when isSuccess:
                break;
            case Stage.Short when IsIdle && resultBps > MinGain * estimateBps:
                Request(Stage.Long, Math.Min(resultBps, Math.Max(GentleFactor * estimateBps, (estimateBps + resultBps) / 2.0)), estimateBps, limit);
                break;
            case Stage.Short or Stage.Long when isSuccess:
                _interval = _minInterval;
                _spareInterval = _minInterval;
                _nextAt = now + _interval;
                if (isCalm && limit > MinGain * estimateBps)
                {
                    Request(IsIdle ? Stage.Long : Stage.Short, (IsIdle ? GentleFactor : StepFactor) * estimateBps, estimateBps, limit);
                }

                break;
            case Stage.Start:
                _startProbes = 2;
                _nextAt = now + _minInterval;
                break;
            default:
                BackOff(now);
                break;
        }
    }

    private void BackOff(Instant now)
    {
        TimeSpan doubled = _interval * 2;
        _interval = doubled > _maxInterval ? _maxInterval : doubled;
        _nextAt = now + _interval;
    }

    private bool IsSuccess(long resultBps) => resultBps >= (_stage == Stage.Long ? LongSuccessShare : SuccessShare) * _outstandingBps;

    private TimeSpan DurationOf(TimeSpan jitter)
    {
        TimeSpan wanted = jitter * JitterFactor;
        wanted = wanted > _maxDuration ? _maxDuration : wanted;
        TimeSpan least = _stage == Stage.Start ? _startDuration : _stepDuration;
        if (_stage != Stage.Short)
        {
            TimeSpan emptying = TimeSpan.FromSeconds((_stage == Stage.Start ? StartExcessBytes : ExcessBytes) * 8.0 / Math.Max(_nextBps - _aboveBps, 1));
            least = emptying > _maxLongDuration ? _maxLongDuration : emptying > least ? emptying : least;
        }

        return wanted > least ? wanted : least;
    }

    private long Limit(long demandBps) => (long)Math.Min(maxBps, DemandFactor * demandBps);

    private void Request(Stage stage, double bps, long estimateBps, long limit)
    {
        double rate = Math.Min(bps, limit);
        _nextBps = rate > estimateBps ? (long)rate : 0;
        _aboveBps = estimateBps;
        _stage = stage;
    }
}
