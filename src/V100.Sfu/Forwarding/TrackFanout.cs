using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// The subscribers of one track on one shard, and the packets that they may ask for again. It exists while there is at
/// least one.
/// </summary>
internal sealed class TrackFanout
{
    /// <summary>About two seconds of a 2 Mbit/s stream; what is older is of no use to a receiver that waits.</summary>
    private const int VideoCachePackets = 512;
    private const int AudioCachePackets = 64;
    private static readonly TimeSpan CacheAge = TimeSpan.FromSeconds(2);

    /// <summary>How often a wish for a keyframe is said again to the shard that receives the track: the first may have been lost in a full ring.</summary>
    private static readonly TimeSpan KeyframeWishInterval = TimeSpan.FromMilliseconds(100);

    private readonly SfuShard _shard;
    private Instant _nextKeyframeWish;
    private Subscription[] _subscriptions = [];
    private SenderReportMap _clock;
    private int _generation = -1;

    public TrackFanout(SfuShard shard, PublishedTrack track)
    {
        _shard = shard;
        Track = track;
        Cache = new RetransmissionCache(track.Kind == MediaKind.Video ? VideoCachePackets : AudioCachePackets, CacheAge);
    }

    public PublishedTrack Track { get; }

    /// <summary>The plaintext packets of the present generation.</summary>
    public RetransmissionCache Cache { get; }

    /// <summary>The publisher's clocks, by its last sender report of the present generation.</summary>
    public ref readonly SenderReportMap Clock => ref _clock;

    public int SubscriberCount => _subscriptions.Length;

    public void Add(Subscription subscription) => _subscriptions = [.. _subscriptions, subscription];

    public void Remove(Subscription subscription)
    {
        int index = Array.IndexOf(_subscriptions, subscription);
        if (index >= 0)
        {
            _subscriptions = [.. _subscriptions.AsSpan(0, index), .. _subscriptions.AsSpan(index + 1)];
        }
    }

    /// <summary>One packet to every subscriber: the fast path. Allocates nothing.</summary>
    public void Forward(in MediaPacket packet, Instant now)
    {
        if (!RtpReader.TryParse(packet.Buffer.Bytes, out RtpReader rtp))
        {
            _shard.Counters.Increment(SfuCounter.DroppedMalformed);
            return;
        }

        if (packet.Generation != _generation)
        {
            StartGeneration(packet.Generation);
        }

        if (packet.StartsKeyframe)
        {
            _nextKeyframeWish = now;
        }

        // Padding too: a subscription that begins later must know that its number is no loss.
        Cache.TryAdd(packet.Sequence, packet.Buffer, now);
        foreach (Subscription subscription in _subscriptions)
        {
            subscription.Forward(in packet, in rtp, now);
        }
    }

    /// <summary>
    /// One of the subscribers needs a keyframe. While one is wished for and has not come by, another wish says nothing new: a flood of
    /// them does not fill the ring in which media goes as well.
    /// </summary>
    public void RequestKeyframe(Instant now)
    {
        if (now >= _nextKeyframeWish)
        {
            _nextKeyframeWish = now + KeyframeWishInterval;
            _shard.RequestKeyframe(Track, now);
        }
    }

    /// <summary>
    /// What came before the packet that begins a keyframe although it is newer: that one was late, or lost and retransmitted. The
    /// subscription that begins with it gets the others now, or it would have a keyframe that nobody can complete.
    /// </summary>
    public void ForwardOvertaken(Subscription subscription, in MediaPacket first, Instant now)
    {
        for (ExtendedSequence sequence = first.Sequence.Next; sequence <= Cache.Newest; sequence = sequence.Next)
        {
            if (Cache.TryGet(sequence, now, out PacketBuffer buffer)
                && RtpReader.TryParse(buffer.Bytes, out RtpReader rtp)
                && Track.Section.TryFindCodec(rtp.PayloadType, out NegotiatedCodec? codec, out _))
            {
                MediaPacket packet = first with { Buffer = buffer, Sequence = sequence, Codec = codec, StartsKeyframe = false, IsPaddingOnly = rtp.Payload.IsEmpty };
                subscription.Forward(in packet, in rtp, now);
            }
        }
    }

    public void HandleSenderReport(in SourceClock clock)
    {
        if (clock.Generation == _generation)
        {
            _clock.OnSenderReport(clock.NtpTime, clock.RtpTimestamp, clock.ReceivedAt);
        }
    }

    private void StartGeneration(int generation)
    {
        _generation = generation;
        _clock = default;
        Cache.Clear();
    }

    /// <summary>Gives the cached packets back.</summary>
    public void Close() => Cache.Clear();
}
