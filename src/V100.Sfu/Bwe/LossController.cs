using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// The rate that losses allow. A path is taken to lose a share of all packets whatever is sent (its inherent loss, as of a radio link), and
/// of what exceeds its bandwidth all the rest. Of the last 20 observations of rate and loss, the likelihood of "no limit" is compared with
/// that of limits below the rates that were sent; a limit holds only where it explains the losses clearly better. Constant loss, of any
/// rate up to <see cref="MaxInherentLoss"/>, therefore bounds nothing, and loss that grows with the rate does.
/// </summary>
/// <remarks>
/// The model is that of libwebrtc's loss-based estimator, version 2 (inherent loss and loss-limited bandwidth, fitted by maximum
/// likelihood with weights that fade with age). The search differs: for each candidate the likelihood is concave in the share that
/// arrives, so that its maximum is found by bisection of the derivative's sign.
/// </remarks>
internal sealed class LossController(long minBps)
{
    /// <summary>More is congestion, whatever it depends on.</summary>
    public const double MaxInherentLoss = 0.25;

    private const int Length = 20;
    private const int MinPackets = 20;
    private const double Fading = 0.92;

    /// <summary>Losses come in bursts, which counts as if each packet said less.</summary>
    private const double Dispersion = 0.7;

    /// <summary>By which the logarithm of a limit's likelihood must exceed that of no limit, over the factor of the rate that it takes.</summary>
    private const double MinEvidence = 3;

    /// <summary>Inherent loss is less likely the higher it is: by so much for all packets.</summary>
    private const double InherentLossPenalty = 25;

    /// <summary>Up to the limit that was found last a bound is lifted fast, beyond it slowly.</summary>
    private const double RisePerSecond = 1.08;
    private const double SlowRisePerSecond = 1.02;

    /// <summary>Losses that go on below a limit that does not explain them are put to the test by sending more.</summary>
    private const double UnexplainedRisePerSecond = 1.25;
    private const double UnexplainedLoss = 0.03;
    private const double KnownShare = 0.97;
    private const double MaxCut = 0.6;
    private const double ReleaseFactor = 1.3;

    private static readonly TimeSpan _minSpan = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _maxSpan = TimeSpan.FromSeconds(1);

    // Shares of the highest rate sent.
    private static readonly double[] _candidates = [0.97, 0.93, 0.88, 0.82, 0.76, 0.7, 0.63, 0.56, 0.5, 0.43, 0.36, 0.3, 0.24, 0.18];

    private readonly Observation[] _observations = new Observation[Length];
    private int _count;
    private int _next;
    private Instant _spanFrom;
    private long _spanBytes;
    private int _spanPackets;
    private int _spanLost;
    private double _limit;
    private double _bound = double.PositiveInfinity;

    /// <summary>Bits per second; <see cref="long.MaxValue"/> while losses limit nothing.</summary>
    public long BoundBps => double.IsPositiveInfinity(_bound) ? long.MaxValue : (long)_bound;

    /// <summary>Of all packets, smoothed over about a second; 0 to 1.</summary>
    public double Fraction { get; private set; }

    /// <summary>Takes a packet whose fate is known, in the order of sending.</summary>
    public void OnPacket(Instant sentAt, int bytes, bool isLost, long estimateBps)
    {
        if (_spanPackets == 0)
        {
            _spanFrom = sentAt;
        }

        TimeSpan span = sentAt - _spanFrom;
        if (span >= _maxSpan || span >= _minSpan && _spanPackets >= MinPackets)
        {
            double seconds = span.TotalSeconds;
            OnObservation((long)(_spanBytes * 8 / seconds), _spanPackets, _spanLost, seconds, estimateBps);
            _spanFrom = sentAt;
            _spanBytes = 0;
            _spanPackets = 0;
            _spanLost = 0;
        }

        _spanBytes += bytes;
        _spanPackets++;
        _spanLost += isLost ? 1 : 0;
    }

    /// <summary>Takes a whole observation, as from a receiver report.</summary>
    public void OnObservation(long rateBps, int packets, double lost, double seconds, long estimateBps)
    {
        if (packets <= 0 || rateBps <= 0)
        {
            return;
        }

        lost = Math.Clamp(lost, 0, packets);
        double weight = Math.Clamp(seconds, 0.1, 1);
        Fraction += weight * (lost / packets - Fraction);
        _observations[_next] = new Observation(rateBps, packets - lost, lost);
        _next = (_next + 1) % Length;
        _count = Math.Min(_count + 1, Length);
        double evidence = FindLimit(out double limit);
        if (evidence > MinEvidence)
        {
            _limit = limit;
            double floor = MaxCut * Math.Min(_bound, estimateBps);
            _bound = Math.Max(Math.Min(_bound, Math.Max(limit, floor)), minBps);
        }
        else if (!double.IsPositiveInfinity(_bound))
        {
            double rise = Fraction > UnexplainedLoss ? UnexplainedRisePerSecond : _bound < KnownShare * _limit ? RisePerSecond : SlowRisePerSecond;
            _bound *= Math.Pow(rise, Math.Clamp(seconds, 0, 1));
            _bound = _bound > ReleaseFactor * estimateBps || _bound > 1e12 ? double.PositiveInfinity : _bound;
        }
    }

    /// <summary>A probe showed that more fits: what spoke for a limit below it is void.</summary>
    public void OnProbe(long resultBps)
    {
        if (resultBps > _bound)
        {
            _bound = double.PositiveInfinity;
            _count = 0;
        }
    }

    /// <summary>The likeliest limit, and by how much it is likelier than none; 0 when nothing speaks for either.</summary>
    private double FindLimit(out double limit)
    {
        limit = 0;
        double highest = 0;
        double lost = 0;
        for (int age = 0; age < _count; age++)
        {
            highest = Math.Max(highest, At(age).RateBps);
            lost += At(age).Lost;
        }

        if (lost == 0)
        {
            return 0;
        }

        double best = double.NegativeInfinity;
        foreach (double share in _candidates)
        {
            double likelihood = Likelihood(share * highest);
            if (likelihood > best)
            {
                best = likelihood;
                limit = share * highest;
            }
        }

        return best - Likelihood(double.PositiveInfinity);
    }

    /// <summary>The best logarithm of the likelihood of all observations under a limit.</summary>
    private double Likelihood(double limitBps)
    {
        double low = 1 - MaxInherentLoss;
        double high = 1 - 1e-4;
        if (Derivative(high, limitBps) < 0)
        {
            for (int step = 0; step < 10; step++)
            {
                double middle = (low + high) / 2;
                (low, high) = Derivative(middle, limitBps) < 0 ? (low, middle) : (middle, high);
            }
        }
        else
        {
            low = high;
        }

        double arriving = (low + high) / 2;
        double sum = -InherentLossPenalty * (1 - arriving);
        double weight = Dispersion;
        for (int age = 0; age < _count; age++, weight *= Fading)
        {
            ref readonly Observation seen = ref At(age);
            double arrives = arriving * Share(seen.RateBps, limitBps);
            sum += weight * (seen.Received * Math.Log(arrives) + seen.Lost * Math.Log(1 - arrives));
        }

        return sum;
    }

    private double Derivative(double arriving, double limitBps)
    {
        double sum = 0;
        double weight = 1;
        for (int age = 0; age < _count; age++, weight *= Fading)
        {
            ref readonly Observation seen = ref At(age);
            double share = Share(seen.RateBps, limitBps);
            sum += weight * (seen.Received / arriving - seen.Lost * share / (1 - arriving * share));
        }

        return sum;
    }

    private static double Share(double rateBps, double limitBps) => rateBps > limitBps ? limitBps / rateBps : 1;

    private ref readonly Observation At(int age) => ref _observations[(_next - 1 - age + 2 * Length) % Length];

    private readonly record struct Observation(double RateBps, double Received, double Lost);
}
