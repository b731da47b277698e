using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Sfu.Srtp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// One media section on which a peer is sent a track: SSRC, sequence, timestamps, payload types, mid and extension ids
/// are the subscriber's own, and stay continuous when the track behind them changes.
/// </summary>
internal sealed partial class Subscription
{
    /// <summary>The longest header that is written: a publisher's extension values, which may be longer than a packet, go no further.</summary>
    private const int MaxHeaderLength = 256;

    /// <summary>Bytes that a packet may have besides its payload.</summary>
    private const int MaxOverhead = MaxHeaderLength + Retransmission.OriginalSequenceLength + SrtpSender.MaxOverhead;

    private readonly SfuShard _shard;
    private readonly Peer _peer;
    private readonly SequenceRewriter _sequences;
    private readonly SentPacketHistory _history;
    private readonly bool _isNumbered;
    private TimestampRewriter? _timestamps;
    private ExtendedSequence _nextRetransmission;
    private TrackFanout? _fanout;
    private HeaderRewriter? _headers;
    private NegotiatedCodec? _publishedCodec;
    private NegotiatedCodec? _codec;

    /// <summary>Of <see cref="_codec"/> in the section's list.</summary>
    private uint _codecIndex;
    private uint _lastTimestamp;

    /// <summary>The encoding that is forwarded, and its source; -1 before the first packet.</summary>
    private int _encoding = -1;
    private int _generation = -1;
    private bool _awaitsKeyframe;

    /// <summary>The keyframe that is awaited begins another source, with a clock of its own.</summary>
    private bool _awaitsSource;

    /// <summary>What was forwarded last came from the keyframe cache, and maybe was a still picture alone.</summary>
    private bool _isReplaying;
    private bool _replayedStill;

    /// <summary>The encoding, and its source, on whose clock timestamps were last; -1 for none of this track.</summary>
    private int _clockEncoding = -1;
    private int _clockGeneration;

    /// <summary>The blocks of redundant audio name payload types, and the subscriber's are others.</summary>
    private bool _rewritesRed;

    public Subscription(SfuShard shard, Peer peer, MediaSection section)
    {
        _shard = shard;
        _peer = peer;
        Section = section;
        Ssrc = new Ssrc(section.Sender.Ssrc);
        RetransmissionSsrc = new Ssrc(section.Sender.RtxSsrc);

        // RFC 3550, 5.1 wants random starts; below 2^15, so that a receiver that misses the first packets guesses the rollover right (RFC 3711, 3.3.1).
        _sequences = new SequenceRewriter(new SequenceNumber((ushort)(shard.Entropy.NextUInt32() & 0x7FFF)));
        _nextRetransmission = new ExtendedSequence(shard.Entropy.NextUInt32() & 0x7FFF);
        _history = new SentPacketHistory(section.Kind == MediaKind.Video ? 1024 : 128);
        _isNumbered = section.SentExtensions.IdOf(HeaderExtensionKind.TransportCc) != 0;
        _canonicalName = System.Text.Encoding.UTF8.GetBytes(section.Sender.Cname);
    }

    public MediaSection Section { get; }
    public Ssrc Ssrc { get; }
    public Ssrc RetransmissionSsrc { get; }
    public PublishedTrack? Source => _fanout?.Track;

    /// <summary>The codec last forwarded; null before the first packet.</summary>
    public NegotiatedCodec? Codec => _codec;

    /// <summary>The encoding that is forwarded, -1 while none is.</summary>
    public int Encoding => _awaitsKeyframe ? -1 : _encoding;

    /// <summary>The encoding to change to at its next keyframe; -1 takes whichever shows one first.</summary>
    public int TargetEncoding { get; private set; } = -1;

    public long PacketsSent { get; private set; }

    /// <summary>Bytes of RTP, without SRTP's own.</summary>
    public long BytesSent { get; private set; }
    public long PacketsRetransmitted { get; private set; }

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
            if (former.SubscriberCount == 0)
            {
                former.Track.SetFanout(_shard.Index, null);
                former.Close();
            }

            _fanout = null;
        }

        if (source is not null)
        {
            _fanout = source.FanoutOn(_shard.Index);
            if (_fanout is null)
            {
                _fanout = new TrackFanout(_shard, source);
                source.SetFanout(_shard.Index, _fanout);
            }

            _fanout.Add(this);
            _headers = CreateHeaderRewriter(source.Section);
            _publishedCodec = null;
            _encoding = _generation = -1;
            TargetEncoding = -1;
            _clockEncoding = -1;
            _isReplaying = false;
            AwaitKeyframe();

            // Its caches may hold packets with the numbers of the former track's: what was sent before is not sent again, or other bytes
            // would go out under a number that the subscriber has, and without RTX under a nonce that was used.
            _history.DiscardBefore(_sequences.NextOutput);
        }

        RequestKeyframeIfAwaited(now);
    }

    /// <summary>Asks for what a video subscription needs to begin, once its peer can be sent to.</summary>
    public void RequestKeyframeIfAwaited(Instant now)
    {
        if (_fanout is not null && (_awaitsKeyframe || IsSwitching) && Section.Kind == MediaKind.Video && _peer.CanSend)
        {
            _fanout.RequestKeyframe(WantedEncoding, begins: _encoding < 0, now);
        }
    }

    /// <summary>The subscriber says that it cannot go on without a keyframe.</summary>
    public void RequestKeyframe(Instant now) => _fanout?.RequestKeyframe(_encoding < 0 ? WantedEncoding : _encoding, begins: false, now);

    /// <summary>Goes over to another encoding of the track at its next keyframe; the present one goes on until then.</summary>
    public void SetTarget(int encoding, Instant now)
    {
        TargetEncoding = encoding;
        RequestKeyframeIfAwaited(now);
    }

    private bool IsSwitching => TargetEncoding >= 0 && TargetEncoding != _encoding;

    /// <summary>Whose keyframe is asked for.</summary>
    private int WantedEncoding => TargetEncoding >= 0 ? TargetEncoding : Math.Max(_encoding, 0);

    /// <summary>One packet of the source: header, encryption straight into the batch, done.</summary>
    public void Forward(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (_isReplaying && packet.Encoding == _encoding)
        {
            EndReplay();
        }

        bool awaited = _awaitsKeyframe;
        _shard.Counters.Increment(Handle(in packet, in rtp, now));
        if (awaited && !_awaitsKeyframe)
        {
            _fanout!.ForwardOvertaken(this, in packet, now);
        }
    }

    /// <summary>
    /// One packet that was here before the keyframe to which it belongs. It was counted when it came, as dropped, or for nobody if the
    /// subscription is younger; so whatever becomes of it now, it does not end once more.
    /// </summary>
    public void ForwardLate(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (Handle(in packet, in rtp, now) == SfuCounter.RtpForwarded)
        {
            _shard.Counters.Increment(SfuCounter.RtpForwardedLate);
        }
    }

    /// <summary>One packet from the keyframe cache, for the subscriptions of the shard that begin. It was counted when it came live.</summary>
    public void ForwardReplayed(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        bool begins = packet.StartsKeyframe && _awaitsKeyframe && _encoding < 0 && (TargetEncoding < 0 || TargetEncoding == packet.Encoding);
        if (!begins && !(_isReplaying && packet.Encoding == _encoding))
        {
            return;
        }

        if (Handle(in packet, in rtp, now) == SfuCounter.RtpForwarded)
        {
            _shard.Counters.Increment(SfuCounter.RtpForwardedLate);
        }

        _isReplaying = !_awaitsKeyframe;
        _replayedStill = packet.IsStill;
    }

    private void EndReplay()
    {
        _isReplaying = false;
        if (_replayedStill)
        {
            AwaitKeyframe();
        }
    }

    /// <summary>Sends the packet, or does not; returns the counter in which this copy of it ends.</summary>
    private SfuCounter Handle(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (packet.Encoding != _encoding && packet.Encoding != TargetEncoding && _encoding >= 0)
        {
            return SfuCounter.DroppedLayer;
        }

        if (!_peer.CanSend)
        {
            return SfuCounter.DroppedBeforeKeys;
        }

        if (packet.Codec != _publishedCodec && !TryMatchCodecSlow(packet.Codec))
        {
            // When it comes back to a codec that the subscriber has, numbers go on without those of what was left out.
            _awaitsKeyframe = true;
            return SfuCounter.DroppedCodecMismatch;
        }

        if (!TryFollow(in packet, in rtp, now))
        {
            return SfuCounter.DroppedAwaitingKeyframe;
        }

        if (packet.IsPaddingOnly)
        {
            DropPadding(packet.Sequence, now);
            return SfuCounter.DroppedPadding;
        }

        return Send(in packet, in rtp, now);
    }

    private SfuCounter Send(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (!_sequences.TryForward(packet.Sequence, out ExtendedSequence sequence))
        {
            return SfuCounter.DroppedDuplicate;
        }

        uint timestamp = _timestamps!.Rewrite(rtp.Timestamp, now);
        var header = new RtpHeader(_codec!.PayloadType, rtp.Marker, sequence.Wire, timestamp, Ssrc);
        ReadOnlySpan<byte> payload = rtp.Payload;
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, payload.Length + MaxOverhead);
        int headerLength = WriteHeader(target, in header, rtp.Extensions, now);
        if (headerLength == 0)
        {
            return SfuCounter.DroppedTooLong;
        }

        if (_rewritesRed)
        {
            Span<byte> body = target.Slice(headerLength, payload.Length);
            payload.CopyTo(body);
            RedPayload.TryRewrite(body, (byte)_codec.RedPayloadType);
            payload = body;
        }

        _shard.Output.Commit(_peer.SrtpSender.ProtectRtp(target, headerLength, payload, sequence.Value));
        _history.Add(new SentPacket(packet.Sequence, sequence, timestamp, SourceMark(packet.Encoding, packet.Generation), _codecIndex));
        _lastTimestamp = timestamp;
        PacketsSent++;
        BytesSent += headerLength + payload.Length;
        _payloadBytesSent += payload.Length;
        _shard.Counters.Add(SfuCounter.RtpForwardedBytes, headerLength + payload.Length);
        return SfuCounter.RtpForwarded;
    }

    /// <summary>
    /// The publisher's padding does not go on. Where its number stands in a gap that later packets already left open, a packet of
    /// padding alone fills it, or the subscriber asks for it in vain.
    /// </summary>
    private void DropPadding(ExtendedSequence source, Instant now)
    {
        if (_sequences.Drop(source, out ExtendedSequence slot) != SequenceDrop.FillSlot)
        {
            return;
        }

        var header = new RtpHeader(_codec!.PayloadType, false, slot.Wire, _lastTimestamp, Ssrc, HasPadding: true);
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, MaxOverhead + 1);
        int headerLength = WriteHeader(target, in header, default, now);
        int padding = Padding.Write(target[headerLength..], 1);
        _shard.Output.Commit(_peer.SrtpSender.ProtectRtp(target, headerLength, target.Slice(headerLength, padding), slot.Value));
    }

    /// <summary>Follows changes of source and of encoding; false while the subscriber awaits a keyframe, which this packet does not begin.</summary>
    private bool TryFollow(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        bool isPresent = packet.Encoding == _encoding;
        if (isPresent && packet.Generation != _generation)
        {
            _generation = packet.Generation;
            AwaitKeyframe();
        }

        if (isPresent && !_awaitsKeyframe)
        {
            return true;
        }

        if (!packet.StartsKeyframe)
        {
            RequestKeyframeIfAwaited(now);
            return false;
        }

        if (!isPresent)
        {
            _encoding = packet.Encoding;
            _generation = packet.Generation;
            AwaitKeyframe();
        }

        _awaitsKeyframe = false;
        _sequences.SwitchTo(packet.Sequence);
        if (_timestamps?.ClockRateHz != packet.Codec.ClockRateHz)
        {
            _timestamps = new TimestampRewriter(_shard.Entropy.NextUInt32(), packet.Codec.ClockRateHz);
        }

        if (packet.IsReplayed)
        {
            _timestamps.SwitchToReplay(rtp.Timestamp, packet.ReplayedUpTo, now);
        }
        else if (_awaitsSource)
        {
            _timestamps.SwitchTo(rtp.Timestamp, now, AlignedTimestamp(in packet, rtp.Timestamp));
        }

        _clockEncoding = packet.Encoding;
        _clockGeneration = packet.Generation;
        _awaitsSource = false;
        return true;
    }

    /// <summary>
    /// What a timestamp of the new encoding is on this stream's base, by the sender reports of both: so that the picture keeps its place
    /// beside the sound. Null where the source before was another, or either's clock is not known.
    /// </summary>
    private uint? AlignedTimestamp(in MediaPacket packet, uint timestamp)
    {
        ReadOnlySpan<FanoutEncoding> encodings = _fanout!.Encodings;
        return _clockEncoding >= 0 && _clockEncoding != packet.Encoding && encodings[_clockEncoding].Generation == _clockGeneration
            && SenderReportMap.TryTranslate(in encodings[packet.Encoding].Clock, in encodings[_clockEncoding].Clock, timestamp, packet.Codec.ClockRateHz, out uint translated)
            ? translated + _timestamps!.Offset
            : null;
    }

    private void AwaitKeyframe() => _awaitsKeyframe = _awaitsSource = true;

    private bool TryMatchCodecSlow(NegotiatedCodec published)
    {
        _publishedCodec = CodecMatch.TryFind(published, Section, out NegotiatedCodec? codec) ? published : null;
        _codec = codec;
        _codecIndex = codec is null ? 0 : (uint)Array.IndexOf(Section.Codecs, codec);
        _rewritesRed = codec?.Kind == CodecKind.Red && codec.RedPayloadType != published.RedPayloadType;
        return codec is not null;
    }

    /// <summary>Answers a NACK (RFC 4585, 6.2.1) from what was sent: with RTX (RFC 4588) where agreed, else the packet again.</summary>
    public void Retransmit(SequenceNumber lost, Instant now)
    {
        if (_fanout is null || !_peer.CanSend
            || _history.TryRetransmit(lost, now, _roundTrip.Smoothed, out SentPacket sent) != RetransmissionDecision.Send
            || !TryGetCached(in sent, now, out PacketBuffer buffer)
            || !RtpReader.TryParse(buffer.Bytes, out RtpReader rtp))
        {
            _shard.Counters.Increment(SfuCounter.NacksUnanswered);
            return;
        }

        // As it was sent first: the publisher may use another payload type by now.
        NegotiatedCodec codec = Section.Codecs[sent.CodecState];
        bool rtx = codec.RtxPayloadType >= 0;
        ExtendedSequence sequence = rtx ? _nextRetransmission : sent.Output;
        var header = new RtpHeader(
            rtx ? (byte)codec.RtxPayloadType : codec.PayloadType, rtp.Marker, sequence.Wire, sent.Timestamp, rtx ? RetransmissionSsrc : Ssrc);
        ReadOnlySpan<byte> payload = rtp.Payload;
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, payload.Length + MaxOverhead);
        int headerLength = WriteHeader(target, in header, rtp.Extensions, now);
        if (headerLength == 0)
        {
            _shard.Counters.Increment(SfuCounter.NacksUnanswered);
            return;
        }

        Span<byte> body = target[headerLength..];
        int prefixLength = 0;
        if (rtx)
        {
            _nextRetransmission = sequence.Next;
            Retransmission.WritePayload(body, sent.Output.Wire, payload);
            prefixLength = Retransmission.OriginalSequenceLength;
        }
        else
        {
            payload.CopyTo(body);
        }

        body = body[..(prefixLength + payload.Length)];
        if (codec.Kind == CodecKind.Red)
        {
            RedPayload.TryRewrite(body[prefixLength..], (byte)codec.RedPayloadType);
        }

        _shard.Output.Commit(_peer.SrtpSender.ProtectRtp(target, headerLength, body, sequence.Value));
        PacketsRetransmitted++;
        _shard.Counters.Increment(SfuCounter.RtpRetransmitted);
    }

    /// <summary>
    /// Which source of which encoding a sent packet came from, in a byte: a source after it may use the same numbers for other bytes.
    /// A peer shows fewer SSRCs in its life (<see cref="ShardLimits.MaxSourcesPerPeer"/>) than would let two of an encoding have one mark.
    /// </summary>
    private static byte SourceMark(int encoding, int generation) => (byte)(generation << 2 | encoding);

    private bool TryGetCached(in SentPacket sent, Instant now, out PacketBuffer buffer)
    {
        int encoding = sent.Layer & (SdpLimits.MaxEncodingsPerSection - 1);
        buffer = null!;
        return encoding < _fanout!.Encodings.Length && SourceMark(encoding, _fanout.Encodings[encoding].Generation) == sent.Layer
            && _fanout.Encodings[encoding].Cache.TryGet(sent.Source, now, out buffer);
    }

    /// <summary>
    /// Gives back what is too old to be asked for, also where no packet comes any more: a source that pauses, or a pool at its
    /// bound, which lets in none until buffers return.
    /// </summary>
    public void ExpireCaches(Instant now) => _fanout?.ExpireCaches(now);

    /// <summary>Extensions that say something of one transport or one m-section alone.</summary>
    private static bool IsOwn(HeaderExtensionKind kind) => kind is HeaderExtensionKind.Mid or HeaderExtensionKind.Rid or HeaderExtensionKind.RepairedRid
        or HeaderExtensionKind.TransportCc or HeaderExtensionKind.AbsSendTime or HeaderExtensionKind.TransmissionOffset;

    private int WriteHeader(Span<byte> target, in RtpHeader header, in RtpExtensions source, Instant now)
    {
        ushort transportSequence = _isNumbered ? _peer.TakeTransportSequence() : (ushort)0;
        return _headers!.Write(target[..MaxHeaderLength], in header, in source, transportSequence, AbsoluteSendTime.From(now));
    }

    /// <summary>Which of the publisher's extensions go on, under which of the subscriber's ids, and the subscriber's own mid.</summary>
    private HeaderRewriter CreateHeaderRewriter(MediaSection published)
    {
        Span<HeaderExtensionCopy> copies = stackalloc HeaderExtensionCopy[HeaderExtensionUri.KindCount];
        int count = 0;
        for (var kind = HeaderExtensionKind.None + 1; (int)kind < HeaderExtensionUri.KindCount; kind++)
        {
            byte from = published.ReceivedExtensions.IdOf(kind);
            byte to = Section.SentExtensions.IdOf(kind);
            if (from != 0 && to != 0 && !IsOwn(kind))
            {
                copies[count++] = new HeaderExtensionCopy(from, to);
            }
        }

        var stamps = new HeaderExtensionStamps(
            Section.SentExtensions.IdOf(HeaderExtensionKind.Mid),
            Section.MidUtf8,
            Section.SentExtensions.IdOf(HeaderExtensionKind.TransportCc),
            Section.SentExtensions.IdOf(HeaderExtensionKind.AbsSendTime));
        return new HeaderRewriter(copies[..count], in stamps, Section.AllowsMixedExtensions);
    }
}
