using V100.Net;

namespace V100.Sfu.Forwarding;

/// <summary>
/// What the receiving shard knows of one encoding of a track. One shard writes, anyone reads; every field is a single word, so a reader
/// sees each whole, if not all of the same moment.
/// </summary>
/// <param name="rid">The encoding's identification in the offer; empty for an only encoding or one that an SSRC group names.</param>
public sealed class EncodingFigures(string rid)
{
    private static readonly TimeSpan SilentTime = TimeSpan.FromSeconds(2);

    private long _packets;
    private long _bytes;
    private long _bitrateBps;
    private long _lost;
    private double _fractionLost;
    private double _steadyBps;
    private long _jitterMicroseconds;
    private long _lastPacketNs = long.MinValue;
    private long _frames;
    private double _framesPerSecond;
    private double _packetsPerSecond;
    private long _expected;
    private long _delivered;
    private long _frozenMs;
    private bool _isWanted = true;
    private bool _isResting;
    private int _size;
    private int _topLayers;

    public string Rid { get; } = rid;

    public long Packets { get => Volatile.Read(ref _packets); internal set => Volatile.Write(ref _packets, value); }

    /// <summary>Bytes of RTP as received, without SRTP's own.</summary>
    public long Bytes { get => Volatile.Read(ref _bytes); internal set => Volatile.Write(ref _bytes, value); }

    /// <summary>Over about the last second; 0 for an encoding that the publisher does not send now.</summary>
    public long BitrateBps { get => Volatile.Read(ref _bitrateBps); internal set => Volatile.Write(ref _bitrateBps, value); }

    /// <summary>The same over about the last three seconds: what a choice of layers counts with.</summary>
    public double SteadyBps { get => Volatile.Read(ref _steadyBps); internal set => Volatile.Write(ref _steadyBps, value); }

    /// <summary>Packets that never came, retransmissions counted as come (RFC 3550, 6.4.1).</summary>
    public long Lost { get => Volatile.Read(ref _lost); internal set => Volatile.Write(ref _lost, value); }

    /// <summary>0 to 1, over about the last second.</summary>
    public double FractionLost { get => Volatile.Read(ref _fractionLost); internal set => Volatile.Write(ref _fractionLost, value); }
    public long JitterMicroseconds { get => Volatile.Read(ref _jitterMicroseconds); internal set => Volatile.Write(ref _jitterMicroseconds, value); }

    /// <summary>By their numbers, of the present source and up to the last report.</summary>
    public long Expected { get => Volatile.Read(ref _expected); internal set => Volatile.Write(ref _expected, value); }

    /// <summary><see cref="Packets"/>, repaired ones with them, up to the last report.</summary>
    public long Delivered { get => Volatile.Read(ref _delivered); internal set => Volatile.Write(ref _delivered, value); }

    /// <summary>For how long the picture stood still, in all.</summary>
    public long FrozenMs { get => Volatile.Read(ref _frozenMs); internal set => Volatile.Write(ref _frozenMs, value); }

    /// <summary>Pictures that came to their end.</summary>
    public long Frames { get => Volatile.Read(ref _frames); internal set => Volatile.Write(ref _frames, value); }

    /// <summary>Over about the last second.</summary>
    public double FramesPerSecond { get => Volatile.Read(ref _framesPerSecond); internal set => Volatile.Write(ref _framesPerSecond, value); }

    /// <summary>Over about the last second.</summary>
    public double PacketsPerSecond { get => Volatile.Read(ref _packetsPerSecond); internal set => Volatile.Write(ref _packetsPerSecond, value); }

    /// <summary>The highest spatial layer inside the encoding.</summary>
    public int TopSpatialLayer => Volatile.Read(ref _topLayers) >> 8;

    /// <summary>The highest temporal layer inside the encoding.</summary>
    public int TopTemporalLayer => Volatile.Read(ref _topLayers) & 0xFF;

    /// <summary>In pixels; 0 until a keyframe told.</summary>
    public int Width => Volatile.Read(ref _size) >>> 16;
    public int Height => Volatile.Read(ref _size) & 0xFFFF;

    /// <summary>When the last packet came; <see cref="long.MinValue"/> ns before the first.</summary>
    internal Instant LastPacketAt { get => new(Volatile.Read(ref _lastPacketNs)); set => Volatile.Write(ref _lastPacketNs, value.Nanoseconds); }

    /// <summary>
    /// Somebody takes it, or did until a moment ago: a publisher may rest it when not (<see cref="Bwe.EncodingWishes"/>).
    /// </summary>
    public bool IsWanted { get => Volatile.Read(ref _isWanted); internal set => Volatile.Write(ref _isWanted, value); }

    /// <summary>It fell silent while nobody took it, so it may well come back for who does.</summary>
    internal bool IsResting { get => Volatile.Read(ref _isResting); set => Volatile.Write(ref _isResting, value); }

    /// <summary>It had a packet within the last two seconds.</summary>
    public bool IsSentAt(Instant now) => Packets > 0 && now - LastPacketAt <= SilentTime;

    internal void SetLayers(int topSpatial, int topTemporal) => Volatile.Write(ref _topLayers, topSpatial << 8 | topTemporal);

    internal void SetSize(int width, int height) => Volatile.Write(ref _size, (width << 16) | (height & 0xFFFF));
}
