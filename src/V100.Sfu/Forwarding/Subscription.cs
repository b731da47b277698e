using V100.Net;
using V100.Sfu.Peers;
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
    private TimestampRewriter? _timestamps;
    private ExtendedSequence _nextRetransmission;
    private TrackFanout? _fanout;
    private HeaderRewriter? _headers;
    private NegotiatedCodec? _publishedCodec;
    private NegotiatedCodec? _codec;

    /// <summary>Of <see cref="_codec"/> in the section's list.</summary>
    private uint _codecIndex;
    private uint _lastTimestamp;
    private int _generation;
    private bool _awaitsKeyframe;

    /// <summary>The keyframe that is awaited begins another source, with a clock of its own.</summary>
    private bool _awaitsSource;

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
        _canonicalName = System.Text.Encoding.UTF8.GetBytes(section.Sender.Cname);
    }

    public MediaSection Section { get; }
    public Ssrc Ssrc { get; }
    public Ssrc RetransmissionSsrc { get; }
    public PublishedTrack? Source => _fanout?.Track;

    /// <summary>The codec last forwarded; null before the first packet.</summary>
    public NegotiatedCodec? Codec => _codec;

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
            _generation = -1;
            AwaitKeyframe();
        }

        RequestKeyframeIfAwaited(now);
    }

    /// <summary>Asks for what a video subscription needs to begin, once its peer can be sent to.</summary>
    public void RequestKeyframeIfAwaited(Instant now)
    {
        if (_fanout is not null && _awaitsKeyframe && Section.Kind == MediaKind.Video && _peer.CanSend)
        {
            _fanout.RequestKeyframe(now);
        }
    }

    /// <summary>The subscriber says that it cannot go on without a keyframe.</summary>
    public void RequestKeyframe(Instant now) => _fanout?.RequestKeyframe(now);

    /// <summary>One packet of the source: header, encryption straight into the batch, done.</summary>
    public void Forward(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (!_peer.CanSend)
        {
            _shard.Counters.Increment(SfuCounter.DroppedBeforeKeys);
            return;
        }

        bool awaited = _awaitsKeyframe;
        if (!TryFollow(in packet, in rtp, now))
        {
            return;
        }

        Send(in packet, in rtp, now);
        if (awaited)
        {
            _fanout!.ForwardOvertaken(this, in packet, now);
        }
    }

    private void Send(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (packet.IsPaddingOnly)
        {
            DropPadding(packet.Sequence);
            return;
        }

        if (!_sequences.TryForward(packet.Sequence, out ExtendedSequence sequence))
        {
            _shard.Counters.Increment(SfuCounter.DroppedDuplicate);
            return;
        }

        uint timestamp = _timestamps!.Rewrite(rtp.Timestamp, now);
        var header = new RtpHeader(_codec!.PayloadType, rtp.Marker, sequence.Wire, timestamp, Ssrc);
        ReadOnlySpan<byte> payload = rtp.Payload;
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, payload.Length + MaxOverhead);
        int headerLength = _headers!.Write(target[..MaxHeaderLength], in header, rtp.Extensions, 0, 0);
        if (headerLength == 0)
        {
            _shard.Counters.Increment(SfuCounter.DroppedTooLong);
            return;
        }

        if (_rewritesRed)
        {
            Span<byte> body = target.Slice(headerLength, payload.Length);
            payload.CopyTo(body);
            RedPayload.TryRewrite(body, (byte)_codec.RedPayloadType);
            payload = body;
        }

        _shard.Output.Commit(_peer.SrtpSender.ProtectRtp(target, headerLength, payload, sequence.Value));
        _history.Add(new SentPacket(packet.Sequence, sequence, timestamp, CodecState: _codecIndex));
        _lastTimestamp = timestamp;
        PacketsSent++;
        BytesSent += headerLength + payload.Length;
        _payloadBytesSent += payload.Length;
        _shard.Counters.Increment(SfuCounter.RtpForwarded);
        _shard.Counters.Add(SfuCounter.RtpForwardedBytes, headerLength + payload.Length);
    }

    /// <summary>
    /// The publisher's padding does not go on. Where its number stands in a gap that later packets already left open, a packet of
    /// padding alone fills it, or the subscriber asks for it in vain.
    /// </summary>
    private void DropPadding(ExtendedSequence source)
    {
        _shard.Counters.Increment(SfuCounter.DroppedPadding);
        if (_sequences.Drop(source, out ExtendedSequence slot) != SequenceDrop.FillSlot)
        {
            return;
        }

        var header = new RtpHeader(_codec!.PayloadType, false, slot.Wire, _lastTimestamp, Ssrc, HasPadding: true);
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, MaxOverhead + 1);
        int headerLength = _headers!.Write(target[..MaxHeaderLength], in header, default, 0, 0);
        int padding = Padding.Write(target[headerLength..], 1);
        _shard.Output.Commit(_peer.SrtpSender.ProtectRtp(target, headerLength, target.Slice(headerLength, padding), slot.Value));
    }

    /// <summary>Follows changes of codec and source; false while the subscriber cannot be sent this packet.</summary>
    private bool TryFollow(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (packet.Codec != _publishedCodec && !TryMatchCodecSlow(packet.Codec))
        {
            // When it comes back to a codec that the subscriber has, numbers go on without those of what was left out.
            _awaitsKeyframe = true;
            _shard.Counters.Increment(SfuCounter.DroppedCodecMismatch);
            return false;
        }

        if (packet.Generation != _generation)
        {
            _generation = packet.Generation;
            AwaitKeyframe();
        }

        if (!_awaitsKeyframe)
        {
            return true;
        }

        if (!packet.StartsKeyframe)
        {
            _shard.Counters.Increment(SfuCounter.DroppedAwaitingKeyframe);
            RequestKeyframeIfAwaited(now);
            return false;
        }

        _awaitsKeyframe = false;
        _sequences.SwitchTo(packet.Sequence);
        if (_timestamps?.ClockRateHz != packet.Codec.ClockRateHz)
        {
            _timestamps = new TimestampRewriter(_shard.Entropy.NextUInt32(), packet.Codec.ClockRateHz);
        }

        if (_awaitsSource)
        {
            _timestamps.SwitchTo(rtp.Timestamp, now);
        }

        _awaitsSource = false;
        return true;
    }

    /// <summary>
    /// Another source. Its cache may hold packets with the numbers of the former one's, so nothing that was sent before is sent
    /// again: it would be other bytes under a number that the subscriber has, and without RTX under a nonce that was used.
    /// </summary>
    private void AwaitKeyframe()
    {
        _awaitsKeyframe = _awaitsSource = true;
        _history.DiscardBefore(_sequences.NextOutput);
    }

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
            || !_fanout.Cache.TryGet(sent.Source, now, out PacketBuffer buffer)
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
        int headerLength = _headers!.Write(target[..MaxHeaderLength], in header, rtp.Extensions, 0, 0);
        if (headerLength == 0)
        {
            _shard.Counters.Increment(SfuCounter.DroppedTooLong);
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
    /// Gives back what is too old to be asked for, also where no packet comes any more: a source that pauses, or a pool at its
    /// bound, which lets in none until buffers return.
    /// </summary>
    public void ExpireCache(Instant now) => _fanout?.Cache.Expire(now);

    /// <summary>Which of the publisher's extensions go on, under which of the subscriber's ids, and the subscriber's own mid.</summary>
    private HeaderRewriter CreateHeaderRewriter(MediaSection published)
    {
        Span<HeaderExtensionCopy> copies = stackalloc HeaderExtensionCopy[HeaderExtensionUri.KindCount];
        int count = 0;
        for (var kind = HeaderExtensionKind.None + 1; (int)kind < HeaderExtensionUri.KindCount; kind++)
        {
            byte from = published.ReceivedExtensions.IdOf(kind);
            byte to = Section.SentExtensions.IdOf(kind);
            if (from != 0 && to != 0 && kind is not (HeaderExtensionKind.Mid or HeaderExtensionKind.Rid or HeaderExtensionKind.RepairedRid))
            {
                copies[count++] = new HeaderExtensionCopy(from, to);
            }
        }

        var stamps = new HeaderExtensionStamps(Section.SentExtensions.IdOf(HeaderExtensionKind.Mid), Section.MidUtf8);
        return new HeaderRewriter(copies[..count], in stamps, Section.AllowsMixedExtensions);
    }
}
