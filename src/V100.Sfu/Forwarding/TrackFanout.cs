using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>The subscribers of one track on one shard. It exists while there is at least one.</summary>
internal sealed partial class TrackFanout
{
    /// <summary>About two seconds of a 2 Mbit/s stream; what is older is of no use to a receiver that waits.</summary>
    public const int VideoCachePackets = 512;
    public const int AudioCachePackets = 64;
    public static readonly TimeSpan CacheAge = TimeSpan.FromSeconds(2);

    private readonly SfuShard _shard;
    private FanoutEncoding[] _encodings;

    /// <summary>By encoding: subscriptions that take it.</summary>
    private readonly int[] _takers;
    private Subscription[] _subscriptions = [];

    public TrackFanout(SfuShard shard, PublishedTrack track)
    {
        _shard = shard;
        Track = track;
        _encodings = new FanoutEncoding[track.Encodings.Length];
        _takers = new int[_encodings.Length];
        for (int index = 0; index < _encodings.Length; index++)
        {
            _encodings[index] = new FanoutEncoding(track.Kind, track.Kind == MediaKind.Video ? VideoCachePackets : AudioCachePackets, CacheAge);
        }
    }

    public PublishedTrack Track { get; }

    public ReadOnlySpan<FanoutEncoding> Encodings => _encodings;

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

        _encodings[packet.Encoding].Add(in packet, now);
        if (packet.IsReplayed)
        {
            ReplaySlow(in packet, in rtp, now);
            return;
        }

        if (Track.Kind == MediaKind.Audio)
        {
            ForwardSound(in packet, in rtp, now);
            return;
        }

        foreach (Subscription subscription in _subscriptions)
        {
            subscription.Forward(in packet, in rtp, now);
        }
    }

    private void ReplaySlow(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        foreach (Subscription subscription in _subscriptions)
        {
            subscription.ForwardReplayed(in packet, in rtp, now);
        }
    }

    /// <summary>One of the subscribers needs a keyframe of the encoding; where it begins, a cached one will do.</summary>
    /// <returns>False where that was asked just now.</returns>
    public bool RequestKeyframe(int encoding, bool begins, Instant now)
    {
        bool isNew = _encodings[encoding].TryWishKeyframe(begins, now);
        if (isNew)
        {
            _shard.RequestKeyframe(Track, encoding, begins, now);
        }

        return isNew;
    }

    /// <summary>One of the subscriptions takes other encodings than before, one bit for each. The track is told what all of them take.</summary>
    public void Take(uint former, uint taken)
    {
        uint sum = 0;
        for (int encoding = 0; encoding < _encodings.Length && former != taken; encoding++)
        {
            uint mask = EncodingWishes.MaskOf(encoding);
            _takers[encoding] += ((taken & mask) != 0 ? 1 : 0) - ((former & mask) != 0 ? 1 : 0);
            sum |= _takers[encoding] > 0 ? mask : 0;
        }

        if (former != taken)
        {
            Track.SetTaken(_shard.Index, sum);
        }
    }

    public void HandleSenderReport(in SourceClock clock)
    {
        _encodings[clock.Encoding].HandleSenderReport(in clock);
        foreach (Subscription subscription in _subscriptions)
        {
            subscription.HandleSourceClock(in clock);
        }
    }

    /// <summary>Gives back what is too old to be asked for.</summary>
    public void ExpireCaches(Instant now)
    {
        foreach (FanoutEncoding encoding in _encodings)
        {
            encoding.Cache.Expire(now);
        }
    }

    /// <summary>Gives the cached packets back.</summary>
    public void Close()
    {
        foreach (FanoutEncoding encoding in _encodings)
        {
            encoding.Cache.Clear();
        }
    }
}
