using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Sfu.Srtp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// One media section on which a peer is sent a track: SSRC, sequence, timestamps, payload types, mid and extension ids
/// are the subscriber's own, and stay continuous when the track, the encoding or the layers behind them change.
/// </summary>
/// <remarks>
/// In two steps: when a packet arrives it is decided whether the subscriber gets it (this file); when its turn has come in the peer's pacer it
/// gets its numbers and is written (<see cref="Depart"/>). On a path with room both happen in one call.
/// </remarks>
internal sealed partial class Subscription
{
    /// <summary>An encoding that has sent nothing for so long is not there to choose.</summary>
    private static readonly TimeSpan RestTime = TimeSpan.FromSeconds(2);

    /// <summary>Layers of an encoding beyond the fourth come along with it.</summary>
    private const int MaxOptionLayer = 3;

    private readonly SfuShard _shard;
    private readonly Peer _peer;
    private readonly LayerSelector _selector = new();
    private readonly bool _isVideo;
    private TrackFanout? _fanout;

    /// <summary>The publisher's codec of the last packet of video, and whether the subscriber has it too.</summary>
    private NegotiatedCodec? _offeredCodec;
    private bool _isPlayable;
    private int _epoch;

    /// <summary>Nothing of the source has gone to the subscriber yet: what is cached will do to begin with.</summary>
    private bool _begins;

    /// <summary>What was forwarded last came from the keyframe cache, and maybe was a still picture alone.</summary>
    private bool _isReplaying;
    private bool _replayedStill;

    /// <summary>Up to there: each subscription that begins has the cache replayed, and those that began a moment before have it already.</summary>
    private (int Generation, ExtendedSequence Sequence) _replayedTo;

    /// <summary>One bit for each encoding of the source that it takes.</summary>
    private uint _taken;

    /// <param name="shard">Of the peer.</param>
    /// <param name="peer">The subscriber.</param>
    /// <param name="section">What is sent to it.</param>
    /// <param name="isOnlyVideo">There is no other picture for which this one could make room: its smallest layers go whatever the estimate says.</param>
    public Subscription(SfuShard shard, Peer peer, MediaSection section, bool isOnlyVideo)
    {
        Demand = new LayerDemand(isOnlyVideo);
        _shard = shard;
        _peer = peer;
        Section = section;
        Ssrc = new Ssrc(section.Sender.Ssrc);
        RetransmissionSsrc = new Ssrc(section.Sender.RtxSsrc);
        _isVideo = section.Kind == MediaKind.Video;
        _figures = peer.Descriptor.Sent[section.Index]!;

        // RFC 3550, 5.1 wants random starts; below 2^15, so that a receiver that misses the first packets guesses the rollover right (RFC 3711, 3.3.1).
        _sequences = new SequenceRewriter(new SequenceNumber((ushort)(shard.Entropy.NextUInt32() & 0x7FFF)));
        _nextRetransmission = new ExtendedSequence(shard.Entropy.NextUInt32() & 0x7FFF);
        _history = new SentPacketHistory(_isVideo ? TrackFanout.VideoCachePackets : TrackFanout.AudioCachePackets, TrackFanout.CacheAge);
        _takesRedundancy = Array.Exists(section.Codecs, codec => codec.Kind == CodecKind.Red);
        _isNumbered = section.SentExtensions.IdOf(HeaderExtensionKind.TransportCc) != 0;
        _canonicalName = System.Text.Encoding.UTF8.GetBytes(section.Sender.Cname);
    }

    public MediaSection Section { get; }
    public Ssrc Ssrc { get; }
    public Ssrc RetransmissionSsrc { get; }
    public PublishedTrack? Source => _fanout?.Track;

    /// <summary>Of video: what there is to choose from, and what the peer's <see cref="LayerAllocator"/> chose.</summary>
    public LayerDemand Demand { get; }

    /// <summary>Grows with each new beginning.</summary>
    public int Epoch => _epoch;

    /// <summary>The subscriber counts packets by their transport-wide number.</summary>
    public bool IsNumbered => _isNumbered;

    /// <summary>The subscriber reports on packets by their stream (RFC 8888).</summary>
    public bool ReportsByStream => Array.Exists(Section.Codecs, codec => (codec.Feedback & CodecFeedback.CongestionControl) != 0);

    /// <summary>What is sent now.</summary>
    public LayerTarget Current => _selector.Current;

    /// <summary>Plays another track, or none. The subscriber sees one continuous stream.</summary>
    public void SetSource(PublishedTrack? source, Instant now)
    {
        if (source == Source)
        {
            return;
        }

        if (_fanout is { } former)
        {
            former.Remove(this);
            Take(former, 0);
            if (former.SubscriberCount == 0)
            {
                former.Track.SetFanout(_shard.Index, null);
                former.Close();
            }

            _fanout = null;
        }

        // What waits to be sent is of the former track.
        _epoch++;
        Demand.SetLayers([]);
        if (source is not null)
        {
            _fanout = source.FanoutOn(_shard.Index);
            if (_fanout is null)
            {
                _fanout = new TrackFanout(_shard, source);
                source.SetFanout(_shard.Index, _fanout);
            }

            _fanout.Add(this);
            BeginTrack(source);
            _selector.Restart();
            _begins = true;
            _isReplaying = false;
            _audioGeneration = -1;
        }

        RequestKeyframeIfAwaited(now);
    }

    /// <summary>Follows what the allocator chose.</summary>
    public void ApplyChoice(Instant now)
    {
        LayerChoice choice = Demand.Choice;
        _selector.Target = choice.IsNone ? LayerTarget.None : new LayerTarget(choice.Encoding, choice.Spatial, choice.Temporal);
        UpdateTaken();
        RequestKeyframeIfAwaited(now);
    }

    /// <summary>Says which encodings it takes: what is sent, and what is to be.</summary>
    private void UpdateTaken()
    {
        if (_fanout is { } fanout)
        {
            Take(fanout, EncodingWishes.MaskOf(_selector.Target.Encoding) | EncodingWishes.MaskOf(_selector.Current.Encoding));
        }
    }

    private void Take(TrackFanout fanout, uint encodings)
    {
        fanout.Take(_taken, encodings);
        _taken = encodings;
    }

    /// <summary>Asks for what a video subscription needs to begin or to change, once its peer can be sent to.</summary>
    public void RequestKeyframeIfAwaited(Instant now)
    {
        if (_isVideo && _fanout is { } fanout && _peer.CanSend && _selector.NeedsKeyframeOf(now) is var encoding && encoding >= 0 && encoding < fanout.Encodings.Length)
        {
            RequestKeyframe(fanout, encoding, _begins, now);
        }
    }

    private void RequestKeyframe(TrackFanout fanout, int encoding, bool begins, Instant now)
    {
        if (fanout.RequestKeyframe(encoding, begins, now))
        {
            _peer.TraceKeyframeRequest(fanout.Track, encoding, now);
        }
    }

    /// <summary>The subscriber says that it cannot go on without a keyframe.</summary>
    public void RequestKeyframe(Instant now)
    {
        if (_selector.Current is { IsNone: false } current && _fanout is { } fanout)
        {
            RequestKeyframe(fanout, current.Encoding, begins: false, now);
        }
        else
        {
            RequestKeyframeIfAwaited(now);
        }
    }

    /// <summary>One packet of the source.</summary>
    public void Forward(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (_isReplaying && packet.Encoding == _selector.Current.Encoding)
        {
            EndReplay();
        }

        if (!_peer.CanSend)
        {
            _shard.Counters.Increment(SfuCounter.DroppedBeforeKeys);
        }
        else if (_isVideo)
        {
            Select(in packet, in rtp, isLate: false, now);
        }
        else
        {
            ForwardAudio(in packet, in rtp, isRecovered: false, now);
        }
    }

    /// <summary>One packet from the keyframe cache, for the subscriptions of the shard that begin.</summary>
    public void ForwardReplayed(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        bool begins = _begins && _selector.Current.IsNone && packet.Layers.StartsKeyframe;
        bool goesOn = _isReplaying && packet.Encoding == _selector.Current.Encoding
            && (packet.Generation != _replayedTo.Generation || packet.Sequence > _replayedTo.Sequence);
        if (_peer.CanSend && (begins || goesOn))
        {
            _isReplaying = true;
            _replayedTo = (packet.Generation, packet.Sequence);
            _replayedStill = packet.IsStill;
            Select(in packet, in rtp, isLate: true, now);
            _isReplaying = !_selector.Current.IsNone;
        }
    }

    private void EndReplay()
    {
        _isReplaying = false;
        if (_replayedStill)
        {
            _selector.Restart();
        }
    }

    /// <summary>Decides on one packet of video. One that is late was counted when it came, so whatever becomes of it now, it does not end once more.</summary>
    private void Select(in MediaPacket packet, in RtpReader rtp, bool isLate, Instant now)
    {
        if (packet.Codec != _offeredCodec)
        {
            _offeredCodec = packet.Codec;
            _isPlayable = CodecMatch.TryFind(packet.Codec, Section, out _);
        }

        if (!_isPlayable)
        {
            // When it comes back to a codec that the subscriber has, numbers go on without those of what was left out.
            _selector.Restart();
            CountDropped(SfuCounter.DroppedCodecMismatch, isLate);
            return;
        }

        if (packet.IsPaddingOnly)
        {
            SelectPadding(in packet, in rtp, isLate, now);
            return;
        }

        FanoutEncoding encoding = _fanout!.Encodings[packet.Encoding];
        LayerTarget former = _selector.Current;
        LayerDecision decision = _selector.Decide(packet.Encoding, packet.Generation, packet.Sequence, packet.Layers, encoding.Keyframes, now);
        if (_selector.Current != former)
        {
            NoteSwitch(former, now);
        }

        switch (decision.Action)
        {
            case LayerAction.Forward:
                Dispatch(DepartureKind.Send, in packet, in rtp, decision.Marker, isLate, now);
                break;
            case LayerAction.Drop:
                Dispatch(DepartureKind.Drop, in packet, in rtp, false, isLate, now);
                break;
            case LayerAction.SwitchHere:
                Switch(in packet, in rtp, decision.First, isLate, now);
                break;
            default:
                bool isWaiting = _selector.Current.IsNone;
                CountDropped(isWaiting ? SfuCounter.DroppedAwaitingKeyframe : SfuCounter.DroppedLayer, isLate);
                if (isWaiting)
                {
                    RequestKeyframeIfAwaited(now);
                }

                break;
        }
    }

    /// <summary>What is sent has changed: another encoding, or other layers of it.</summary>
    private void NoteSwitch(LayerTarget former, Instant now)
    {
        LayerTarget current = _selector.Current;
        if (!former.IsNone && !current.IsNone)
        {
            _shard.Counters.Increment(former.Encoding != current.Encoding ? SfuCounter.EncodingSwitches : SfuCounter.LayerSwitches);
        }

        _peer.TraceSwitch(this, former, now);
        UpdateTaken();
    }

    private void SelectPadding(in MediaPacket packet, in RtpReader rtp, bool isLate, Instant now)
    {
        if (packet.Encoding == _selector.Current.Encoding)
        {
            Dispatch(DepartureKind.Drop, in packet, in rtp, false, isLate, now);
        }
        else
        {
            CountDropped(_selector.Current.IsNone ? SfuCounter.DroppedAwaitingKeyframe : SfuCounter.DroppedLayer, isLate);
        }
    }

    /// <summary>
    /// The selector has changed over to the keyframe that begins at <paramref name="first"/>. Of that keyframe other packets may have come before
    /// this one: they follow out of the cache, or the subscriber would have a keyframe that nobody can complete.
    /// </summary>
    private void Switch(in MediaPacket packet, in RtpReader rtp, ExtendedSequence first, bool isLate, Instant now)
    {
        _begins = false;
        if (packet.IsReplayed)
        {
            int epochBefore = _epoch;
            _peer.AllowCatchingUp(now);
            DispatchSwitch(in packet, in rtp, now);
            if (_epoch == epochBefore)
            {
                Select(in packet, in rtp, isLate, now);
            }

            return;
        }

        FanoutEncoding encoding = _fanout!.Encodings[packet.Encoding];
        bool isCounted = isLate;
        bool hasBegun = false;

        // A packet that cannot be sent (a codec that was not agreed on, a full queue) ends what began here: on it would only begin again.
        int epoch = _epoch;
        for (ExtendedSequence sequence = first; sequence <= encoding.Cache.Newest && _epoch == epoch; sequence = sequence.Next)
        {
            if (!encoding.Cache.TryGet(sequence, now, out PacketBuffer buffer) || !RtpReader.TryParse(buffer.Bytes, out RtpReader cached)
                || !_fanout.Track.Section.TryFindCodec(cached.PayloadType, out NegotiatedCodec? codec, out _))
            {
                continue;
            }

            bool isThis = sequence == packet.Sequence;
            MediaPacket one = isThis ? packet : packet with
            {
                Buffer = buffer, Sequence = sequence, Codec = codec, IsPaddingOnly = cached.Payload.IsEmpty, Layers = cached.Payload.IsEmpty ? default : encoding.LayersOf(sequence),
            };
            if (!hasBegun)
            {
                hasBegun = true;
                DispatchSwitch(in one, in cached, now);
                if (_epoch != epoch)
                {
                    break;
                }
            }

            isCounted |= isThis;
            Select(in one, in cached, isLate || !isThis, now);
        }

        if (!isCounted)
        {
            CountDropped(SfuCounter.DroppedAwaitingKeyframe, isLate: false);
        }
    }

    private void DispatchSwitch(in MediaPacket first, in RtpReader rtp, Instant now) => Dispatch(
        PacketClass.Video, new Departure { Subscription = this, Kind = DepartureKind.Switch, Epoch = _epoch, Packet = first }, in rtp, now);

    private void Dispatch(DepartureKind kind, in MediaPacket packet, in RtpReader rtp, bool marker, bool isLate, Instant now) => Dispatch(
        PacketClass.Video,
        new Departure
        {
            Subscription = this, Kind = kind, Epoch = _epoch, Packet = packet, Marker = marker, IsLate = isLate, Layers = _selector.Current,
        },
        in rtp,
        now);

    /// <summary>At once where the peer's path has room, else when its pacer says.</summary>
    private void Dispatch(PacketClass priority, in Departure departure, in RtpReader rtp, Instant now)
    {
        int bytes = departure.WireBytes(_peer.PacketOverhead);
        if (_peer.MaySendNow(priority, bytes, now))
        {
            Depart(in departure, in rtp, now);
        }
        else if (!_peer.TryQueue(priority, in departure, bytes, now))
        {
            CountEnd(in departure, SfuCounter.DroppedPacerFull);
            _peer.TraceSkip(this, _selector.Current, now);
            SkipToKeyframe();
        }
    }

    /// <summary>Leaves out what waits and what comes, until a keyframe: the path does not carry it.</summary>
    public void SkipToKeyframe()
    {
        _epoch++;
        _selector.Restart();
        _audioGeneration = -1;
        _isReplaying = false;
    }

    /// <summary>Says what there is to choose from: what the publisher sends now, as its shard measured it.</summary>
    public void UpdateDemand(Instant now)
    {
        Span<LayerOption> options = stackalloc LayerOption[LayerDemand.MaxOptions];
        int count = 0;
        ReadOnlySpan<EncodingFigures> encodings = Source is { } track ? track.Encodings : [];
        for (int encoding = 0; encoding < encodings.Length; encoding++)
        {
            EncodingFigures figures = encodings[encoding];
            if (figures.Packets == 0 || encodings.Length > 1 && now - figures.LastPacketAt > RestTime && !figures.IsResting)
            {
                continue;
            }

            count = AddOptions(options, count, encoding, figures);
        }

        Demand.Priority = Source is { IsOfActiveSpeaker: true } ? SubscriptionPriority.ActiveSpeaker : SubscriptionPriority.Normal;
        Demand.Constraints = EncodingOrder.Resolve(_peer.Descriptor.GetConstraints(Section.Index), encodings);
        Demand.SetLayers(options[..count]);
    }

    /// <summary>Each pair of layers of one encoding; their rates are shares of the whole.</summary>
    private int AddOptions(Span<LayerOption> options, int count, int encoding, EncodingFigures figures)
    {
        long wireBps = (long)figures.SteadyBps + (long)(8 * figures.PacketsPerSecond * (_peer.PacketOverhead + SrtpSender.MaxOverhead));
        int topSpatial = Math.Min(figures.TopSpatialLayer, MaxOptionLayer);
        int topTemporal = Math.Min(figures.TopTemporalLayer, MaxOptionLayer);
        for (int spatial = 0; spatial <= topSpatial; spatial++)
        {
            for (int temporal = 0; temporal <= topTemporal && count < options.Length; temporal++)
            {
                int halvings = topSpatial - spatial;
                bool isWhole = spatial == topSpatial && temporal == topTemporal;
                options[count++] = new LayerOption(
                    new LayerChoice((sbyte)encoding, (sbyte)spatial, (sbyte)temporal),
                    isWhole ? wireBps : 0,
                    figures.Width >> halvings,
                    figures.Height >> halvings,
                    isWhole ? (float)figures.FramesPerSecond : 0);
            }
        }

        return count;
    }

    private void CountDropped(SfuCounter counter, bool isLate)
    {
        if (!isLate)
        {
            _shard.Counters.Increment(counter);
        }
    }
}
