using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>One encoding of a track on one shard with subscribers: the packets that they may ask for again, and the publisher's clocks.</summary>
/// <param name="kind">Of the track.</param>
/// <param name="cachePackets">A power of two.</param>
/// <param name="cacheAge">How long a packet may be asked for.</param>
internal sealed class FanoutEncoding(MediaKind kind, int cachePackets, TimeSpan cacheAge)
{
    /// <summary>How often a wish for a keyframe is said again to the shard that receives the track: the first may have been lost in a full ring.</summary>
    private static readonly TimeSpan KeyframeWishInterval = TimeSpan.FromMilliseconds(100);

    private Instant _nextKeyframeWish;
    private Instant _nextBeginningWish;
    private SenderReportMap _clock;

    // Of each cached packet of video, at the place of its number.
    private readonly PacketLayers[] _layers = new PacketLayers[kind == MediaKind.Video ? cachePackets : 0];

    /// <summary>Of the packets in <see cref="Cache"/>; -1 before the first.</summary>
    public int Generation { get; private set; } = -1;

    /// <summary>The plaintext packets of the present generation.</summary>
    public RetransmissionCache Cache { get; } = new(cachePackets, cacheAge);

    /// <summary>Of video: whether the newest keyframe is whole.</summary>
    public KeyframeAssembly Keyframes { get; } = new();

    /// <summary>The publisher's clocks, by its last sender report of the present generation.</summary>
    public ref readonly SenderReportMap Clock => ref _clock;

    public void Add(in MediaPacket packet, Instant now)
    {
        if (packet.Generation != Generation)
        {
            Generation = packet.Generation;
            _clock = default;
            Cache.Clear();
            Keyframes.Clear();
        }

        if (packet.Layers.StartsKeyframe)
        {
            _nextBeginningWish = now;
            _nextKeyframeWish = !packet.IsReplayed ? now : _nextKeyframeWish;
        }

        // Padding too: a subscription that begins later must know that its number is no loss.
        if (Cache.TryAdd(packet.Sequence, packet.Buffer, now) && _layers.Length > 0)
        {
            _layers[packet.Sequence.Value & (_layers.Length - 1)] = packet.Layers;
        }

        if (_layers.Length > 0 && !packet.IsReplayed)
        {
            Keyframes.OnPacket(packet.Sequence, packet.Layers, now);
        }
    }

    /// <summary>Of a packet that <see cref="Cache"/> has.</summary>
    public PacketLayers LayersOf(ExtendedSequence sequence) => _layers[sequence.Value & (_layers.Length - 1)];

    /// <summary>
    /// One of the subscribers needs a keyframe; true when that must be told. While one is wished for and has not come by, another wish
    /// says nothing new: a flood of them does not fill the ring in which media goes as well.
    /// </summary>
    public bool TryWishKeyframe(bool begins, Instant now)
    {
        ref Instant next = ref begins ? ref _nextBeginningWish : ref _nextKeyframeWish;
        if (now < next)
        {
            return false;
        }

        next = now + KeyframeWishInterval;
        return true;
    }

    public void HandleSenderReport(in SourceClock clock)
    {
        if (clock.Generation == Generation)
        {
            _clock.OnSenderReport(clock.NtpTime, clock.RtpTimestamp, clock.At);
        }
    }
}
