using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Sfu.Srtp;

namespace V100.Sfu.Forwarding;

/// <summary>What happens to a packet when it is sent: numbers, timestamp, the codec's own fields, extensions, encryption.</summary>
internal sealed partial class Subscription
{
    /// <summary>The longest header that is written: a publisher's extension values, which may be longer than a packet, go no further.</summary>
    private const int MaxHeaderLength = 512;

    /// <summary>Bytes that a packet may have besides its payload.</summary>
    private const int MaxOverhead = MaxHeaderLength + Retransmission.OriginalSequenceLength + Vp8Descriptor.MaxLength + SrtpSender.MaxOverhead;

    private readonly SequenceRewriter _sequences;
    private readonly SentPacketHistory _history;
    private readonly bool _isNumbered;
    private TimestampRewriter? _timestamps;
    private EncodingAlignment _alignment;
    private HeaderRewriter? _headers;
    private byte _descriptorId;
    private Vp8Rewriter? _vp8;
    private Vp9Rewriter? _vp9;
    private DependencyDescriptorRewriter? _descriptors;
    private NegotiatedCodec? _publishedCodec;
    private NegotiatedCodec? _codec;

    /// <summary>Of <see cref="_codec"/> in the section's list.</summary>
    private byte _codecIndex;
    private uint _lastTimestamp;

    /// <summary>The encoding that was sent last, and its source; -1 for none of this track.</summary>
    private int _encoding = -1;
    private int _generation;

    /// <summary>The blocks of redundant audio name payload types, and the subscriber's are others.</summary>
    private bool _rewritesRed;

    /// <summary>The codec last forwarded; null before the first packet.</summary>
    public NegotiatedCodec? Codec => _codec;

    public long PacketsSent { get; private set; }

    /// <summary>Bytes of RTP, without SRTP's own.</summary>
    public long BytesSent { get; private set; }

    private void BeginTrack(PublishedTrack source)
    {
        _headers = CreateHeaderRewriter(source.Section);
        _descriptorId = Section.SentExtensions.IdOf(HeaderExtensionKind.DependencyDescriptor) == 0
            ? (byte)0
            : source.Section.ReceivedExtensions.IdOf(HeaderExtensionKind.DependencyDescriptor);
        _publishedCodec = null;
        _encoding = -1;
        _alignment = default;

        // Its caches may hold packets with the numbers of the former track's: what was sent before is not sent again, or other bytes
        // would go out under a number that the subscriber has, and without RTX under a nonce that was used.
        _history.DiscardBefore(_sequences.NextOutput);
    }

    /// <summary>Its turn has come, in order for this subscription.</summary>
    public void Depart(in Departure departure, in RtpReader rtp, Instant now)
    {
        if (departure.Epoch != _epoch || !_peer.CanSend)
        {
            CountEnd(in departure, departure.Kind == DepartureKind.Retransmit ? SfuCounter.NacksUnanswered : SfuCounter.DroppedPacerSkipped);
            return;
        }

        switch (departure.Kind)
        {
            case DepartureKind.Switch:
                SwitchTo(in departure, in rtp, now);
                break;
            case DepartureKind.Drop:
                Drop(in departure, in rtp, now);
                break;
            case DepartureKind.Send:
                SfuCounter end = Send(in departure, in rtp, now);
                CountEnd(in departure, departure.IsLate && end == SfuCounter.RtpForwarded ? SfuCounter.RtpForwardedLate : end);
                break;
            case DepartureKind.Retransmit:
                SendAgain(departure.Sent, now);
                break;
        }
    }

    private void CountEnd(in Departure departure, SfuCounter counter)
    {
        bool isEnd = departure.Kind is DepartureKind.Send or DepartureKind.Drop or DepartureKind.Retransmit && !departure.IsLate;
        if (isEnd || counter == SfuCounter.RtpForwardedLate)
        {
            _shard.Counters.Increment(counter);
        }
    }

    /// <summary>The next packet begins another source: another track, another encoding, or the same after something was left out.</summary>
    private void SwitchTo(in Departure departure, in RtpReader rtp, Instant now)
    {
        MediaPacket packet = departure.Packet;
        _sequences.SwitchTo(packet.Sequence);
        _vp8?.SwitchTo();
        _vp9?.SwitchTo();
        _descriptors?.SwitchTo();
        ReadOnlySpan<FanoutEncoding> encodings = _fanout!.Encodings;
        if (_timestamps?.ClockRateHz != packet.Codec.ClockRateHz)
        {
            _timestamps = new TimestampRewriter(_shard.Entropy.NextUInt32(), packet.Codec.ClockRateHz);
            _alignment = default;
        }
        else if (_encoding >= 0 && encodings[_encoding].Generation == _generation)
        {
            _alignment.Leave(in encodings[_encoding].Clock, _timestamps);
        }

        if (packet.IsReplayed)
        {
            _timestamps.SwitchToReplay(rtp.Timestamp, packet.ReplayedUpTo, now);
        }
        else if (_encoding != packet.Encoding || _generation != packet.Generation)
        {
            _timestamps.SwitchTo(rtp.Timestamp, now, _alignment.AlignedOutput(in encodings[packet.Encoding].Clock, rtp.Timestamp, packet.Codec.ClockRateHz));
        }

        _encoding = packet.Encoding;
        _generation = packet.Generation;
    }

    private SfuCounter Send(in Departure departure, in RtpReader rtp, Instant now)
    {
        MediaPacket packet = departure.Packet;
        if (packet.Codec != _publishedCodec && !TryMatchCodecSlow(packet.Codec))
        {
            // When it comes back to a codec that the subscriber has, numbers go on without those of what was left out.
            SkipToKeyframe();
            return SfuCounter.DroppedCodecMismatch;
        }

        Span<byte> fields = stackalloc byte[Vp8Descriptor.MaxLength];
        Span<byte> descriptor = stackalloc byte[byte.MaxValue];
        if (!TryRewrite(in departure, in rtp, fields, out int written, out int consumed, descriptor, out int descriptorLength, out uint state))
        {
            return SfuCounter.DroppedMalformed;
        }

        if (!_sequences.TryForward(packet.Sequence, out ExtendedSequence sequence))
        {
            return SfuCounter.DroppedDuplicate;
        }

        uint timestamp = _timestamps!.Rewrite(rtp.Timestamp, now);
        ushort transportSequence = NextTransportSequence;
        var header = new RtpHeader(_codec!.PayloadType, departure.Marker, sequence.Wire, timestamp, Ssrc);
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, rtp.Payload.Length + MaxOverhead);
        int headerLength = WriteHeader(target, in header, rtp.Extensions, new RtpExtension(_descriptorId, descriptor[..descriptorLength]), transportSequence);
        if (headerLength == 0)
        {
            return SfuCounter.DroppedTooLong;
        }

        ReadOnlySpan<byte> payload = Compose(target[headerLength..], fields[..written], consumed, rtp.Payload);
        Commit(target, in header, headerLength, payload, sequence, now);
        _history.Add(new SentPacket(packet.Sequence, sequence, timestamp, SourceMark(packet.Encoding, packet.Generation), state, _codecIndex, departure.Marker, transportSequence), now);
        _lastTimestamp = timestamp;
        PacketsSent++;
        NoteFrame(departure.Marker, now);
        BytesSent += headerLength + payload.Length;
        _payloadBytesSent += payload.Length;
        _shard.Counters.Add(SfuCounter.RtpForwardedBytes, headerLength + payload.Length);
        return SfuCounter.RtpForwarded;
    }

    /// <summary>The codec's own numbers for this subscriber. Of an extension that does not go on, and of formats without numbers, nothing is written.</summary>
    private bool TryRewrite(
        in Departure departure, in RtpReader rtp, Span<byte> fields, out int written, out int consumed, Span<byte> descriptor, out int descriptorLength, out uint state)
    {
        written = consumed = descriptorLength = 0;
        state = 0;
        switch (_codec!.Kind)
        {
            // Their numbers stand in the payload; a dependency descriptor besides does not go on.
            case CodecKind.Vp8:
                return (_vp8 ??= new Vp8Rewriter()).TryRewrite(rtp.Payload, fields, out written, out consumed, out state);
            case CodecKind.Vp9:
                return (_vp9 ??= new Vp9Rewriter()).TryRewrite(rtp.Payload, fields, out written, out consumed, out state);
            default:
                return _descriptorId == 0 || !rtp.Extensions.TryGet(_descriptorId, out ReadOnlySpan<byte> source)
                    || (_descriptors ??= new DependencyDescriptorRewriter()).TryRewrite(
                        source, departure.Packet.Layers, departure.Layers.Spatial, departure.Layers.Temporal, descriptor, out descriptorLength, out state);
        }
    }

    /// <summary>The payload: where it lies, if nothing of it changes, else put together where it will be encrypted.</summary>
    private ReadOnlySpan<byte> Compose(Span<byte> target, ReadOnlySpan<byte> fields, int consumed, ReadOnlySpan<byte> payload)
    {
        if (!_rewritesRed && payload[..consumed].SequenceEqual(fields))
        {
            return payload;
        }

        fields.CopyTo(target);
        payload[consumed..].CopyTo(target[fields.Length..]);
        Span<byte> body = target[..(fields.Length + payload.Length - consumed)];
        if (_rewritesRed)
        {
            RedPayload.TryRewrite(body, (byte)_codec!.RedPayloadType);
        }

        return body;
    }

    private void Commit(Span<byte> target, in RtpHeader header, int headerLength, ReadOnlySpan<byte> payload, ExtendedSequence sequence, Instant now)
    {
        int length = _peer.SrtpSender.ProtectRtp(target, headerLength, payload, sequence.Value);
        _peer.Commit(length);
        _peer.OnPacketSent(length, _isNumbered, in header, now);
    }

    /// <summary>
    /// The publisher's padding does not go on, nor do layers that the subscriber does not get, nor redundant audio that makes no sense. Where the number stands in a gap that later
    /// packets already left open, a packet of padding alone fills it, or the subscriber asks for it in vain.
    /// </summary>
    private void Drop(in Departure departure, in RtpReader rtp, Instant now)
    {
        MediaPacket packet = departure.Packet;
        CountEnd(in departure, packet.IsPaddingOnly ? SfuCounter.DroppedPadding : _isVideo ? SfuCounter.DroppedLayer : SfuCounter.DroppedMalformed);
        if (_codec?.Kind == CodecKind.Vp8 && !packet.IsPaddingOnly)
        {
            _vp8?.Drop(rtp.Payload);
        }

        if (_sequences.Drop(packet.Sequence, out ExtendedSequence slot) == SequenceDrop.FillSlot && _codec is not null)
        {
            var header = new RtpHeader(_codec.PayloadType, false, slot.Wire, _lastTimestamp, Ssrc, HasPadding: true);
            Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, MaxOverhead + 1);
            int headerLength = WriteHeader(target, in header, default, default, NextTransportSequence);
            int padding = Padding.Write(target[headerLength..], 1);
            Commit(target, in header, headerLength, target.Slice(headerLength, padding), slot, now);
        }
    }

    private bool TryMatchCodecSlow(NegotiatedCodec published)
    {
        _publishedCodec = CodecMatch.TryFind(published, Section, out NegotiatedCodec? codec) ? published : null;
        _codec = codec;
        _codecIndex = codec is null ? (byte)0 : (byte)Array.IndexOf(Section.Codecs, codec);
        _rewritesRed = codec?.Kind == CodecKind.Red && codec.RedPayloadType != published.RedPayloadType;
        return codec is not null;
    }

    /// <summary>Extensions that say something of one transport or one m-section alone.</summary>
    private static bool IsOwn(HeaderExtensionKind kind) => kind is HeaderExtensionKind.Mid or HeaderExtensionKind.Rid or HeaderExtensionKind.RepairedRid
        or HeaderExtensionKind.TransportCc or HeaderExtensionKind.AbsSendTime or HeaderExtensionKind.TransmissionOffset;

    private ushort NextTransportSequence => _isNumbered ? _peer.NextTransportSequence : (ushort)0;

    private int WriteHeader(Span<byte> target, in RtpHeader header, in RtpExtensions source, RtpExtension replaced, ushort transportSequence) =>
        _headers!.Write(target[..MaxHeaderLength], in header, in source, transportSequence, replaced);

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
            Section.SentExtensions.IdOf(HeaderExtensionKind.TransportCc));
        return new HeaderRewriter(copies[..count], in stamps, Section.AllowsMixedExtensions);
    }
}
