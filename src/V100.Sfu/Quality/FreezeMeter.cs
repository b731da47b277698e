using V100.Net;

namespace V100.Sfu.Quality;

/// <summary>
/// How long a picture stood still. A picture is frozen where the next comes later than three times the mean of the last, and 150 ms later than the mean: as the statistics of WebRTC count it
/// (freezeCount, totalFreezesDuration). A mutable struct: one thread.
/// </summary>
internal struct FreezeMeter
{
    private const double MeanShare = 1.0 / 30;
    private static readonly TimeSpan _least = TimeSpan.FromMilliseconds(150);

    private Instant _last;
    private TimeSpan _mean;
    private bool _started;

    /// <summary>Of the freeze that lasts, what is in <see cref="Frozen"/> already.</summary>
    private TimeSpan _counted;

    /// <summary>All of it, since the start.</summary>
    public TimeSpan Frozen { get; private set; }

    /// <summary>A picture came to its end.</summary>
    public void OnPicture(Instant now)
    {
        if (_started)
        {
            Update(now);
            TimeSpan interval = now - _last;
            _mean = _mean == TimeSpan.Zero ? interval : _counted > TimeSpan.Zero ? _mean : _mean + (interval - _mean) * MeanShare;
        }

        _started = true;
        _last = now;
        _counted = TimeSpan.Zero;
    }

    /// <summary>Counts a freeze that lasts.</summary>
    public void Update(Instant now)
    {
        TimeSpan interval = now - _last;
        if (_started && _mean > TimeSpan.Zero && interval > _mean + _least && interval > 3 * _mean)
        {
            Frozen += interval - _counted;
            _counted = interval;
        }
    }

    /// <summary>Nothing is meant to come: what comes next begins anew.</summary>
    public void Pause() => this = new FreezeMeter { Frozen = Frozen };
}
