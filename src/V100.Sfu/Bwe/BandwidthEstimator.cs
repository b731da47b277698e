using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Bwe;

/// <summary>
/// How much the path to one peer carries, as its sender sees it: delay-based and loss-based control over feedback of each packet, transport-wide
/// or of streams (draft-ietf-rmcat-gcc-02 and what libwebrtc made of it; RFC 8888); receiver reports and REMB where there is no such feedback.
/// </summary>
/// <remarks>
/// Call <see cref="OnPacketSent(SequenceNumber, int, Instant, int)"/> for every packet, with consecutive transport-wide numbers (counted the same
/// for a peer that gets none on the wire), and with its stream where feedback names that; hand over feedback, reports and REMB as they come; call <see cref="HandleDeadline"/> at <see cref="NextDeadline"/>. After
/// each of these read <see cref="EstimateBps"/>, and start what <see cref="TryTakeProbe"/> returns in the pacer. What the peer's own
/// uplink loses has no way in here. Nothing that a peer sends moves the estimate out of floor and ceiling, or throws.
/// </remarks>
public sealed partial class BandwidthEstimator
{
    /// <summary>Feedback that is overdue for this long and two round trips halves the estimate, and again each time as long.</summary>
    public static readonly TimeSpan FeedbackTimeout = TimeSpan.FromSeconds(1);

    private const double AppLimitedShare = 0.7;

    /// <summary>Who sends less of the estimate leaves the path idle now and then.</summary>
    private const double IdleShare = 0.88;

    /// <summary>While losses are below it, a limit by losses is probed.</summary>
    private const double MaxCalmLoss = 0.02;
    private const double MaxCalmQueueMs = 35;
    private const double MaxQueueMs = 100;

    /// <summary>A queue that stands so high drains first, before the rate rises again.</summary>
    private const double HoldQueueMs = 40;


    /// <summary>What is sent of it, to see whether the queue is this sender's own.</summary>
    private const double TrialShare = 0.75;

    /// <summary>A packet is lost when it is still missing and one sent this much later arrived: others may have overtaken it.</summary>
    private static readonly TimeSpan _reorderWindow = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _defaultRoundTrip = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _maxRoundTrip = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _calm = TimeSpan.FromMilliseconds(600);

    private readonly TransmissionHistory _history = new();
    private readonly DelayController _delay = new();
    private readonly RateWindow _sent = new();
    private readonly PacketTrain _train = new();
    private readonly CompetitionDetector _competition = new();
    private readonly AimdController _aimd;
    private readonly LossController _loss;
    private readonly ProbeController _probes;
    private readonly ProbeBitrateEstimator _probeBitrate = new();
    private readonly BandwidthLimits _limits;
    private long _demandBps;
    private long _rembBps = long.MaxValue;
    private bool _hasFeedback;
    private bool _isSilent;
    private Instant _silentSince = Instant.Never;
    private double _roundTripMs;
    private bool _hasRoundTrip;

    public BandwidthEstimator()
        : this(new BandwidthLimits())
    {
    }

    public BandwidthEstimator(BandwidthLimits limits)
    {
        _limits = limits;
        _aimd = new AimdController(limits.StartBps, limits.FloorBps, limits.CeilingBps, limits.Weight);
        _loss = new LossController(limits.FloorBps);
        _probes = new ProbeController(limits.StartBps, limits.CeilingBps);
        EstimateBps = limits.StartBps;
    }

    /// <summary>What may be sent, all of it: headers, retransmissions and padding too. Never out of the limits.</summary>
    public long EstimateBps { get; private set; }

    /// <summary>What arrives, over the last half second; 0 while unknown.</summary>
    public long AcknowledgedBps => _delay.SteadyBps;

    /// <summary>Smoothed; null while there is no measurement.</summary>
    public TimeSpan? RoundTrip => _hasRoundTrip ? TimeSpan.FromMilliseconds(_roundTripMs) : null;

    /// <summary>Of what was sent, over about a second; 0 to 1.</summary>
    public double LossFraction => _loss.Fraction;

    /// <summary>So long a queue stands on the path that sound suffers.</summary>
    public bool IsPathFull => _delay.QueueMs >= MaxQueueMs;

    /// <summary>Too little is sent to learn whether more would fit; probes alone can tell then.</summary>
    public bool IsApplicationLimited { get; private set; }

    public BandwidthState State => new(
        _delay.Signal,
        Bound,
        _delay.TrendMs,
        _delay.ThresholdMs,
        _delay.QueueMs,
        _delay.Jitter.TotalMilliseconds,
        _loss.Fraction,
        _aimd.RateBps,
        _loss.BoundBps,
        _rembBps,
        _demandBps,
        _feedbackLost,
        _feedbackRefused);

    /// <summary>When <see cref="HandleDeadline"/> wants to be called.</summary>
    public Instant NextDeadline => Instant.Earlier(SilenceDeadline, _probes.NextDeadline);

    private TimeSpan RoundTripOrDefault => RoundTrip ?? _defaultRoundTrip;

    private Instant SilenceDeadline =>
        _hasFeedback && _silentSince != Instant.Never ? _silentSince + FeedbackTimeout + 2 * RoundTripOrDefault : Instant.Never;

    private bool UsesRemb => !_hasFeedback && _rembBps != long.MaxValue;

    private EstimateBound Bound
    {
        get
        {
            long least = Math.Min(_aimd.RateBps, _loss.BoundBps);
            return _isSilent ? EstimateBound.Silence
                : UsesRemb && _rembBps <= _loss.BoundBps ? EstimateBound.Remb
                : _loss.BoundBps <= _aimd.RateBps ? EstimateBound.Loss
                : least >= _limits.CeilingBps ? EstimateBound.Ceiling
                : _aimd.IsHeldByDemand || IsApplicationLimited ? EstimateBound.Demand
                : EstimateBound.Delay;
        }
    }

    /// <summary>What all subscriptions together would take at most. There is nothing to probe for beyond it; 0 stops all probes.</summary>
    public void SetDemand(long wantedBps) => _demandBps = Math.Clamp(wantedBps, 0, _limits.CeilingBps);

    /// <summary>Remembers a packet that is written to the network now.</summary>
    /// <param name="transportSequence">One more than the last.</param>
    /// <param name="bytes">Of the whole packet as the path carries it.</param>
    /// <param name="now">The time.</param>
    /// <param name="probeCluster">0, or the id of the cluster that it is part of.</param>
    public void OnPacketSent(SequenceNumber transportSequence, int bytes, Instant now, int probeCluster)
    {
        bool isFirst = _history.IsEmpty;
        long sequence = _history.Add(transportSequence, bytes, probeCluster, now);
        _toldUntil = isFirst ? sequence : _toldUntil;
        _fateCursor = isFirst ? sequence : _fateCursor;
        _sent.Add(now.Nanoseconds / 1000, bytes);
        if (_silentSince == Instant.Never)
        {
            _silentSince = now;
        }

        if (isFirst)
        {
            UpdateProbes(now);
        }
    }

    public void HandleDeadline(Instant now)
    {
        if (SilenceDeadline <= now)
        {
            _isSilent = true;
            _silentSince = now;
            _aimd.Lower(EstimateBps / 2);
            _delay.Reset();
            _train.Reset();
            UpdateEstimate(now);
        }

        UpdateProbes(now);
    }

    /// <summary>The probe that is due, to be sent by the pacer, at once.</summary>
    public bool TryTakeProbe(Instant now, out ProbeCluster cluster)
    {
        if (!_probes.TryTake(_delay.Jitter, now, out cluster))
        {
            return false;
        }

        _probeBitrate.Begin(cluster, _delay.Jitter);
        return true;
    }

    /// <summary>The cluster whose further packets would still measure something; the pacer need not go on with any other. 0 for none.</summary>
    public int OutstandingProbe => _probes.OutstandingId;

    private void UpdateEstimate(Instant now)
    {
        long allowed = UsesRemb ? _rembBps : _aimd.RateBps;
        EstimateBps = Math.Clamp(Math.Min(allowed, _loss.BoundBps), _limits.FloorBps, _limits.CeilingBps);
        IsApplicationLimited = SentBps(now) < AppLimitedShare * EstimateBps;
    }

    private long SentBps(Instant now) => _sent.RateBps(DelayController.SteadyMs, now.Nanoseconds / 1000);

    private void UpdateProbes(Instant now)
    {
        bool isUnlimited = _loss.BoundBps > EstimateBps || _loss.Fraction < MaxCalmLoss;
        bool isCalm = _delay.Signal == DelaySignal.Normal && !_isSilent && isUnlimited && _delay.QueueMs < MaxCalmQueueMs && now - _aimd.DecreasedAt >= _calm;
        bool isSteady = _delay.Jitter <= ProbeBitrateEstimator.MaxJitter;
        bool tells = isSteady && _train.IsTelling(now);
        if (isCalm && tells && _train.HasSpare)
        {
            _probes.OnSpare(now);
        }

        bool isIdle = isSteady && SentBps(now) < IdleShare * EstimateBps;
        _probes.Update(EstimateBps, _demandBps, isCalm, isIdle, tells, now);
    }
}
