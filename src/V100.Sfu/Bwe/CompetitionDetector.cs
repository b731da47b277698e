using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Notices a sender beside this one that fills the queue until it overflows, as TCP does: the queue stands for seconds although this sender
/// yields. To yield on would starve it. For a while the trend of delays is then not listened to, and losses alone bound the rate.
/// </summary>
/// <remarks>When the other goes away in that time, the queue is this sender's own for the rest of it: hence the bound.</remarks>
internal sealed class CompetitionDetector
{
    private const double StandingMs = 50;
    private const double GoneMs = 25;

    /// <summary>A queue of this sender's own drains faster: at 0.85 of the capacity, 300 ms of it in 2 s, and seen as underuse.</summary>
    private static readonly TimeSpan _notice = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _duration = TimeSpan.FromSeconds(12);

    private Instant _standsSince = Instant.Never;
    private Instant _until = new(long.MinValue / 2);

    public bool IsCompeting { get; private set; }

    public void Update(DelaySignal signal, double queueMs, Instant now)
    {
        if (queueMs < GoneMs)
        {
            _until = now;
        }

        if (queueMs < StandingMs || signal == DelaySignal.Underuse)
        {
            _standsSince = Instant.Never;
        }
        else if (_standsSince == Instant.Never)
        {
            _standsSince = now;
        }
        else if (!IsCompeting && now - _standsSince >= _notice)
        {
            _until = now + _duration;
        }

        if (IsCompeting && now >= _until)
        {
            // Its own part in the queue must show first, before the rest of it can be another's.
            _standsSince = Instant.Never;
        }

        IsCompeting = now < _until;
    }
}
