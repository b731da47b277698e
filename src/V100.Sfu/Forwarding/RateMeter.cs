using V100.Net;

namespace V100.Sfu.Forwarding;

/// <summary>The rate of a growing counter between two looks at it. A mutable struct.</summary>
internal struct RateMeter
{
    private long _count;
    private Instant _at;
    private bool _started;

    /// <summary>Over the time between the last two calls of <see cref="Update"/>; 0 after the first.</summary>
    public double PerSecond { get; private set; }

    public void Update(long count, Instant now)
    {
        double seconds = (now - _at).TotalSeconds;
        PerSecond = _started && seconds > 0 ? (count - _count) / seconds : 0;
        _count = count;
        _at = now;
        _started = true;
    }
}
