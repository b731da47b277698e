using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Notices a sender beside this one that fills the queue until it overflows, as TCP does: the queue stands for seconds although this sender
/// yields. To yield on would starve it. For a while the trend of delays is then not listened to, and losses alone bound the rate; then it
/// yields a little for a moment, to see whether the queue is its own by now.
/// </summary>
internal sealed class CompetitionDetector
{
    private const double StandingMs = 50;
    private const double GoneMs = 25;
    private const double NoticeSeconds = 4.5;
    private const double YieldSeconds = 1.5;
    private const double MaxSeconds = 6;
    private const double MaxStepSeconds = 0.25;
    private const double LossSeconds = 4;
    private const double MinLoss = 0.0002;
    private const double MinRoundTripSeconds = 0.01;
    private const int PacketBytes = 1_200;

    /// <summary>
    /// Of the rate when the queue began to stand. Senders like this one that all take their common queue for another's then leave the path room,
    /// and the queue goes; beside TCP it stays, and after each trial more is taken.
    /// </summary>
    private const double FirstShare = 0.8;
    private const double MostGrowth = 2;
    private const double MaxBps = 1e12;

    private static readonly TimeSpan _duration = TimeSpan.FromSeconds(12);

    /// <summary>One that comes back so soon is the same, and what was taken beside it is taken again.</summary>
    private static readonly TimeSpan _memory = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _trial = TimeSpan.FromSeconds(1.5);

    private double _seconds;
    private double _loss;
    private double _rateBefore;
    private double _mostBps;
    private Instant _updatedAt;
    private bool _hasUpdated;
    private Instant _until;
    private Instant _endedAt = new(long.MinValue / 2);

    /// <summary>What is done about the queue.</summary>
    public CompetitionPhase Phase { get; private set; }

    /// <summary>Halfway to the verdict: the queue stands without growing, and may be this sender's own, which drains slowly.</summary>
    public bool MustYield { get; private set; }

    /// <summary>The most while competing: what TCP would send over such a path, and what <see cref="FirstShare"/> says.</summary>
    public long FairBps { get; private set; }

    public void Update(DelaySignal signal, double queueMs, double lossFraction, TimeSpan roundTrip, long rateBps, Instant now)
    {
        double step = _hasUpdated ? Math.Clamp((now - _updatedAt).TotalSeconds, 0, MaxStepSeconds) : 0;
        _updatedAt = now;
        _hasUpdated = true;

        // A queue of this sender's own drains: at 0.85 of the capacity, 300 ms of it in 2 s, and seen as underuse.
        double weight = queueMs >= StandingMs ? signal == DelaySignal.Underuse ? 0 : 1 : queueMs >= GoneMs ? -0.5 : -2;
        double before = _seconds;
        _rateBefore = before == 0 ? rateBps : _rateBefore;
        _seconds = Math.Clamp(_seconds + weight * step, 0, MaxSeconds);
        MustYield = Phase == CompetitionPhase.None && (int)(_seconds / YieldSeconds) > (int)(before / YieldSeconds);
        _loss += (lossFraction - _loss) * step / LossSeconds;
        Advance(queueMs, now);
        FairBps = (long)Math.Min(_mostBps, Fair(Math.Max(_loss, MinLoss), Math.Max(roundTrip.TotalSeconds, MinRoundTripSeconds)));
    }

    private void Advance(double queueMs, Instant now)
    {
        switch (Phase)
        {
            case CompetitionPhase.None when _seconds >= NoticeSeconds:
                _mostBps = now - _endedAt < _memory ? Math.Max(MostGrowth * _mostBps, FirstShare * _rateBefore) : FirstShare * _rateBefore;
                Enter(CompetitionPhase.Competing, now + _duration);
                break;
            case CompetitionPhase.Trial when now >= _until && queueMs >= StandingMs:
                _mostBps = Math.Min(MostGrowth * _mostBps, MaxBps);
                Enter(CompetitionPhase.Competing, now + _duration);
                break;
            case CompetitionPhase.Competing when now >= _until:
                Enter(CompetitionPhase.Trial, now + _trial);
                break;
            case CompetitionPhase.Competing or CompetitionPhase.Trial when _seconds == 0:
            case CompetitionPhase.Trial when now >= _until:
                _seconds = 0;
                _endedAt = now;
                Enter(CompetitionPhase.None, now);
                break;
        }
    }

    // RFC 5348, 3.1, with t_RTO = 4R and b = 1.
    private static double Fair(double loss, double roundTripSeconds)
    {
        double timeouts = 4 * 3 * Math.Sqrt(3 * loss / 8) * loss * (1 + 32 * loss * loss);
        return PacketBytes * 8 / (roundTripSeconds * (Math.Sqrt(2 * loss / 3) + timeouts));
    }

    private void Enter(CompetitionPhase phase, Instant until)
    {
        Phase = phase;
        _until = until;
    }
}
