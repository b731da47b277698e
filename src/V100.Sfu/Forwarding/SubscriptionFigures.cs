using V100.Sfu.Bwe;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// What the owning shard knows of what it sends on one media section, about once a second. One shard writes, anyone reads; every field is a single word, so a
/// reader sees each whole, if not all of the same moment.
/// </summary>
public sealed class SubscriptionFigures
{
    private long _packets;
    private long _bitrateBps;
    private long _expected;
    private long _lost;
    private long _retransmitted;
    private long _frozenMs;
    private double _framesPerSecond;
    private double _jitterMs;
    private double _roundTripMs = -1;
    private int _codec = -1;
    private int _encoding = -1;
    private int _reason;
    private int _size;

    /// <summary>Sent, without retransmissions.</summary>
    public long Packets { get => Volatile.Read(ref _packets); internal set => Volatile.Write(ref _packets, value); }

    /// <summary>Over about the last second.</summary>
    public long BitrateBps { get => Volatile.Read(ref _bitrateBps); internal set => Volatile.Write(ref _bitrateBps, value); }

    /// <summary>The highest number that the client's last report names, its wraps with it.</summary>
    public long Expected { get => Volatile.Read(ref _expected); internal set => Volatile.Write(ref _expected, value); }

    /// <summary>By the client's last report, repaired ones with them.</summary>
    public long Lost { get => Volatile.Read(ref _lost); internal set => Volatile.Write(ref _lost, value); }

    /// <summary>Packets that were sent again, when that report came.</summary>
    public long Retransmitted { get => Volatile.Read(ref _retransmitted); internal set => Volatile.Write(ref _retransmitted, value); }

    /// <summary>For how long the picture stood still as it was sent, in all.</summary>
    public long FrozenMs { get => Volatile.Read(ref _frozenMs); internal set => Volatile.Write(ref _frozenMs, value); }

    /// <summary>Pictures that were sent to their end, over about the last second.</summary>
    public double FramesPerSecond { get => Volatile.Read(ref _framesPerSecond); internal set => Volatile.Write(ref _framesPerSecond, value); }

    /// <summary>By the client's last report.</summary>
    public double JitterMs { get => Volatile.Read(ref _jitterMs); internal set => Volatile.Write(ref _jitterMs, value); }

    /// <summary>By the client's reports; negative before one told.</summary>
    public double RoundTripMs { get => Volatile.Read(ref _roundTripMs); internal set => Volatile.Write(ref _roundTripMs, value); }

    /// <summary>Null before the first packet.</summary>
    public CodecKind? Codec
    {
        get => Volatile.Read(ref _codec) is var codec and >= 0 ? (CodecKind)codec : null;
        internal set => Volatile.Write(ref _codec, value is { } codec ? (int)codec : -1);
    }

    /// <summary>Which of the track's encodings is sent; negative for none.</summary>
    public int Encoding { get => Volatile.Read(ref _encoding); internal set => Volatile.Write(ref _encoding, value); }

    /// <summary>Of a picture: why no more is sent.</summary>
    public AllocationReason Reason { get => (AllocationReason)Volatile.Read(ref _reason); internal set => Volatile.Write(ref _reason, (int)value); }

    /// <summary>Of the picture that is sent, in pixels; 0 while unknown.</summary>
    public int Width => Volatile.Read(ref _size) >>> 16;
    public int Height => Volatile.Read(ref _size) & 0xFFFF;

    internal void SetSize(int width, int height) => Volatile.Write(ref _size, (width << 16) | (height & 0xFFFF));
}
