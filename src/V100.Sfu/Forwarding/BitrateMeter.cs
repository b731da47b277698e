using V100.Net;

namespace V100.Sfu.Forwarding;

/// <summary>The rate of a growing byte counter between two looks at it. A mutable struct.</summary>
internal struct BitrateMeter
{
    private long _bytes;
    private Instant _at;
    private bool _started;

    /// <summary>Over the time since the last call; 0 at the first.</summary>
    public long BitrateBps { get; private set; }

    public void Update(long bytes, Instant now)
    {
        double seconds = (now - _at).TotalSeconds;
        BitrateBps = _started && seconds > 0 ? (long)((bytes - _bytes) * 8 / seconds) : 0;
        _bytes = bytes;
        _at = now;
        _started = true;
    }
}
