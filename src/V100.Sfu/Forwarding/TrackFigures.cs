using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// What a track's receiving shard knows of it, for reports. One shard writes, anyone reads; every field is a single
/// word, so a reader sees each whole, if not all of the same moment. Counters grow for the life of the track.
/// </summary>
public sealed class TrackFigures
{
    private long _packets;
    private long _bytes;
    private long _lost;
    private long _nacks;
    private long _keyframes;
    private long _keyframeRequests;
    private int _codec = -1;
    private long _jitterMicroseconds;
    private long _bitrateBps;
    private double _fractionLost;

    public long Packets { get => Volatile.Read(ref _packets); internal set => Volatile.Write(ref _packets, value); }

    /// <summary>Bytes of RTP as received, without SRTP's own.</summary>
    public long Bytes { get => Volatile.Read(ref _bytes); internal set => Volatile.Write(ref _bytes, value); }

    /// <summary>Packets that never came, retransmissions counted as come (RFC 3550, 6.4.1).</summary>
    public long Lost { get => Volatile.Read(ref _lost); internal set => Volatile.Write(ref _lost, value); }

    /// <summary>Packets asked for again.</summary>
    public long Nacks { get => Volatile.Read(ref _nacks); internal set => Volatile.Write(ref _nacks, value); }
    public long Keyframes { get => Volatile.Read(ref _keyframes); internal set => Volatile.Write(ref _keyframes, value); }
    public long KeyframeRequests { get => Volatile.Read(ref _keyframeRequests); internal set => Volatile.Write(ref _keyframeRequests, value); }
    /// <summary>Over about the last second.</summary>
    public long BitrateBps { get => Volatile.Read(ref _bitrateBps); internal set => Volatile.Write(ref _bitrateBps, value); }

    /// <summary>0 to 1, over about the last second.</summary>
    public double FractionLost { get => Volatile.Read(ref _fractionLost); internal set => Volatile.Write(ref _fractionLost, value); }

    public long JitterMicroseconds { get => Volatile.Read(ref _jitterMicroseconds); internal set => Volatile.Write(ref _jitterMicroseconds, value); }

    /// <summary>The codec of the last packet; null before the first.</summary>
    public CodecKind? Codec
    {
        get
        {
            int value = Volatile.Read(ref _codec);
            return value < 0 ? null : (CodecKind)value;
        }
        internal set => Volatile.Write(ref _codec, value is { } codec ? (int)codec : -1);
    }
}
