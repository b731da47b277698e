using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>One encoding of a track on one shard with subscribers: the packets that they may ask for again, and the publisher's clocks.</summary>
internal sealed class FanoutEncoding(int cachePackets, TimeSpan cacheAge)
{
    /// <summary>How often a wish for a keyframe is said again to the shard that receives the track: the first may have been lost in a full ring.</summary>
    private static readonly TimeSpan KeyframeWishInterval = TimeSpan.FromMilliseconds(100);

    private Instant _nextKeyframeWish;
    private Instant _nextBeginningWish;
    private SenderReportMap _clock;

    /// <summary>Of the packets in <see cref="Cache"/>; -1 before the first.</summary>
    public int Generation { get; private set; } = -1;

    /// <summary>The plaintext packets of the present generation.</summary>
    public RetransmissionCache Cache { get; } = new(cachePackets, cacheAge);

    /// <summary>The publisher's clocks, by its last sender report of the present generation.</summary>
    public ref readonly SenderReportMap Clock => ref _clock;

    public void Add(in MediaPacket packet, Instant now)
    {
        if (packet.Generation != Generation)
        {
            Generation = packet.Generation;
            _clock = default;
            Cache.Clear();
        }

        if (packet.StartsKeyframe)
        {
            _nextBeginningWish = now;
            _nextKeyframeWish = !packet.IsReplayed ? now : _nextKeyframeWish;
        }

        // Padding too: a subscription that begins later must know that its number is no loss.
        Cache.TryAdd(packet.Sequence, packet.Buffer, now);
    }

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
            _clock.OnSenderReport(clock.NtpTime, clock.RtpTimestamp, clock.ReceivedAt);
        }
    }
}
