using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// One encoding of a published track, on its publisher's shard: the only one, or one of its simulcast encodings. It makes originals of
/// retransmissions, asks for what is missing and for keyframes, and hands every packet once to its track.
/// </summary>
internal sealed partial class ReceivedEncoding
{
    private readonly SfuShard _shard;
    private readonly Peer _peer;
    private readonly ReceivedTrack _track;
    private readonly MediaSection _section;
    private ReceiveSource? _primary;
    private int _generation;
    private readonly KeyframeCache _cache = new();
    private readonly byte _dependencyDescriptorId;
    private SourceLayersReader _layers = new();

    public ReceivedEncoding(SfuShard shard, Peer peer, ReceivedTrack track, int index)
    {
        _shard = shard;
        _peer = peer;
        _track = track;
        _section = track.Track.Section;
        Index = index;
        Figures = track.Track.Encodings[index];
        _gaps = CreateGapTracker();
        _dependencyDescriptorId = _section.ReceivedExtensions.IdOf(HeaderExtensionKind.DependencyDescriptor);
    }

    /// <summary>In <see cref="MediaSection.Encodings"/>.</summary>
    public int Index { get; }

    public EncodingFigures Figures { get; }

    /// <summary>A new SSRC. A second source of media replaces the first: subscribers go on with it from its next keyframe.</summary>
    public void SetPrimary(ReceiveSource source)
    {
        _primary = source;
        BeginGeneration();
        _peer.WakeAt(NextDeadline); // What subscribers have asked for can now be asked of the publisher.
    }

    /// <summary>
    /// The track is held from now on, or goes on: nothing is missed of what came before, and nobody waits for its keyframe. Subscribers see
    /// another source begin, so that the pause leaves no gap in their numbers.
    /// </summary>
    public void BeginAgain()
    {
        BeginGeneration();
        _keyframes.OnKeyframe();
    }

    private void BeginGeneration()
    {
        _generation++;
        _cache.Clear();
        _layers = new SourceLayersReader();
        _gaps = CreateGapTracker();
    }

    /// <summary>A source ended (RTCP BYE).</summary>
    public void Remove(ReceiveSource source)
    {
        if (_primary == source)
        {
            _primary = null;
            _gaps = CreateGapTracker();
            _cache.Clear();
        }
    }

    /// <summary>Gives the cached packets back.</summary>
    public void Close() => _cache.Clear();

    public bool IsPrimary(ReceiveSource source) => _primary == source;

    /// <summary>Whether a source of retransmissions, which nothing has said the media of, brings a packet that is missed here.</summary>
    public bool Misses(SequenceNumber original) => _primary is { } primary && _gaps.IsMissing(primary.Statistics.Peek(original));

    public void HandleOriginal(NegotiatedCodec codec, in RtpReader rtp, PacketBuffer buffer, ExtendedSequence sequence, Instant now)
    {
        if (!IsNew(codec, sequence, now))
        {
            _shard.Counters.Increment(SfuCounter.DroppedDuplicate);
            return;
        }

        Publish(codec, in rtp, buffer, sequence, now);
    }

    /// <summary>RFC 4588: the original's number stands before its payload; everything behind this knows the original alone.</summary>
    public void HandleRetransmission(ReceiveSource source, NegotiatedCodec codec, PacketBuffer buffer, Instant now)
    {
        if (_primary is not { } primary)
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownSource);
            return;
        }

        Span<byte> packet = buffer.Room.Slice(buffer.Start, buffer.Length);
        if (!Retransmission.TryRestore(packet, codec.PayloadType, primary.Ssrc, out Span<byte> original)
            || !RtpReader.TryParse(original, out RtpReader rtp))
        {
            _shard.Counters.Increment(SfuCounter.DroppedPadding); // A probe: bandwidth, no media.
            return;
        }

        if (!IsOf(primary, source, rtp.SequenceNumber))
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownSource);
            return;
        }

        buffer.Start += Retransmission.OriginalSequenceLength;
        buffer.Length = original.Length;
        ExtendedSequence sequence = primary.Statistics.OnRetransmission(rtp.SequenceNumber);
        if (!IsNew(codec, sequence, now))
        {
            _shard.Counters.Increment(SfuCounter.DroppedDuplicate);
            return;
        }

        Publish(codec, in rtp, buffer, sequence, now);
    }

    /// <summary>
    /// Whether a source of retransmissions repairs the media of now. One that was not announced does from when it brings a packet that
    /// is missed (RFC 4588, 5.3). What is still on its way of the former source's has numbers that the new one may use as well.
    /// </summary>
    private bool IsOf(ReceiveSource primary, ReceiveSource retransmissions, SequenceNumber original)
    {
        if (retransmissions.Repairs is null && Misses(original))
        {
            retransmissions.Repairs = primary.Ssrc;
        }

        return retransmissions.Repairs == primary.Ssrc;
    }

    private void Publish(NegotiatedCodec codec, in RtpReader rtp, PacketBuffer buffer, ExtendedSequence sequence, Instant now)
    {
        Figures.Packets++;
        Figures.Bytes += buffer.Length;
        Figures.LastPacketAt = now;
        PacketLayers layers = default;
        if (_section.Kind == MediaKind.Video && !rtp.Payload.IsEmpty && _layers.TryRead(codec.Kind, in rtp, _dependencyDescriptorId, out layers))
        {
            NoteLayers(in layers);
        }

        MediaPacket packet = Describe(codec, buffer, sequence, in layers, rtp.Payload.IsEmpty, now);
        if (_section.Kind == MediaKind.Video)
        {
            Cache(in packet, now);
        }

        _track.Publish(in packet, now);
    }

    private void NoteLayers(in PacketLayers layers)
    {
        if (layers.StartsKeyframe)
        {
            _keyframes.OnKeyframe();
        }

        Figures.Frames += layers.EndsPicture ? 1 : 0;
        Figures.SetLayers(layers.TopSpatialLayer, layers.TopTemporalLayer);
        if (layers.IsKeyframe && layers.Width > 0 && layers.SpatialLayer == layers.TopSpatialLayer)
        {
            Figures.SetSize(layers.Width, layers.Height);
        }
    }

    private MediaPacket Describe(NegotiatedCodec codec, PacketBuffer buffer, ExtendedSequence sequence, in PacketLayers layers, bool isPaddingOnly, Instant now) => new()
    {
        Track = _track.Track,
        Encoding = (byte)Index,
        Buffer = buffer,
        Generation = _generation,
        Sequence = sequence,
        Codec = codec,
        Layers = layers,
        IsPaddingOnly = isPaddingOnly,
        ReceivedAt = now,
    };

    private void Cache(in MediaPacket packet, Instant now)
    {
        // A pool that is half full has better use for its buffers: retransmissions.
        if (_shard.Pool.InUse < _shard.Limits.MaxPacketBuffers / 2)
        {
            _cache.Add(packet.Sequence, packet.Buffer, packet.Layers.StartsKeyframe, now);
        }
        else
        {
            _cache.Clear();
        }
    }

    /// <summary>
    /// Sends what is cached to the subscriptions of a shard that begin. True when that leads them to the present, so that nobody has to
    /// ask the publisher.
    /// </summary>
    private bool TryReplay(int shard, Instant now)
    {
        if (!_cache.HasKeyframe)
        {
            return false;
        }

        _shard.Counters.Increment(SfuCounter.KeyframesReplayed);
        (ExtendedSequence first, ExtendedSequence last) = _cache.Range;
        uint newest = NewestTimestamp(first, last);
        var replayed = new SourceLayersReader(); // Another pass over the same packets, from the keyframe on.
        for (ExtendedSequence sequence = first; sequence <= last; sequence = sequence.Next)
        {
            if (!_cache.TryGet(sequence, out PacketBuffer buffer) || !RtpReader.TryParse(buffer.Bytes, out RtpReader rtp)
                || !_section.TryFindCodec(rtp.PayloadType, out NegotiatedCodec? codec, out _))
            {
                continue;
            }

            replayed.TryRead(codec.Kind, in rtp, _dependencyDescriptorId, out PacketLayers layers);
            MediaPacket packet = Describe(codec, buffer, sequence, in layers, rtp.Payload.IsEmpty, now) with
            {
                IsReplayed = true,
                ReplayedUpTo = newest,
                IsStill = _cache.IsStill,
            };
            _shard.PublishTo(shard, in packet, now);
        }

        return !_cache.IsStill;
    }

    private uint NewestTimestamp(ExtendedSequence first, ExtendedSequence last)
    {
        for (ExtendedSequence sequence = last; sequence > first; sequence = new ExtendedSequence(sequence.Value - 1))
        {
            if (_cache.TryGet(sequence, out PacketBuffer buffer) && RtpReader.TryParse(buffer.Bytes, out RtpReader rtp) && !rtp.Payload.IsEmpty)
            {
                return rtp.Timestamp;
            }
        }

        return _cache.TryGet(first, out PacketBuffer only) && RtpReader.TryParseHeader(only.Bytes, out RtpReader begins) ? begins.Timestamp : 0;
    }
}
