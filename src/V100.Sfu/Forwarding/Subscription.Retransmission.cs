using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>What the subscriber asks for again (RFC 4585, 6.2.1), with RTX (RFC 4588) where agreed, else the packet again.</summary>
internal sealed partial class Subscription
{
    private ExtendedSequence _nextRetransmission;

    public long PacketsRetransmitted { get; private set; }

    /// <summary>Answers one number of a NACK.</summary>
    public void Retransmit(SequenceNumber lost, Instant now)
    {
        if (_fanout is null || !_peer.CanSend
            || _history.TryRetransmit(lost, now, _roundTrip.Smoothed, out SentPacket sent) != RetransmissionDecision.Send
            || !TryGetCached(in sent, now, out PacketBuffer buffer))
        {
            _shard.Counters.Increment(SfuCounter.NacksUnanswered);
            return;
        }

        PacketClass priority = _isVideo ? PacketClass.Retransmission : PacketClass.Audio;
        var departure = new Departure { Subscription = this, Kind = DepartureKind.Retransmit, Epoch = _epoch, Sent = sent, SentBytes = buffer.Length };
        int bytes = departure.WireBytes(_peer.PacketOverhead);
        if (_peer.MaySendNow(priority, bytes, now))
        {
            SendAgain(in sent, now);
        }
        else if (!_peer.TryQueue(priority, in departure, bytes, now))
        {
            _shard.Counters.Increment(SfuCounter.NacksUnanswered);
        }
    }

    /// <summary>
    /// Padding for a bandwidth probe, on the stream of retransmissions: it has numbers of its own, so that media has no gaps. False where
    /// there is none, or nothing was sent yet.
    /// </summary>
    public bool TrySendPadding(int wanted, Instant now, out int sent)
    {
        sent = 0;
        if (_codec is not { RtxPayloadType: >= 0 } codec || _headers is null)
        {
            return false;
        }

        var header = new RtpHeader((byte)codec.RtxPayloadType, false, _nextRetransmission.Wire, _lastTimestamp, RetransmissionSsrc, HasPadding: true);
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, MaxOverhead + byte.MaxValue);
        int headerLength = WriteHeader(target, in header, default, default, NextTransportSequence);
        int padding = Padding.Write(target[headerLength..], Math.Clamp(wanted, 1, byte.MaxValue));
        Commit(target, in header, headerLength, target.Slice(headerLength, padding), _nextRetransmission, now);
        _nextRetransmission = _nextRetransmission.Next;
        _shard.Counters.Increment(SfuCounter.PaddingSent);
        sent = headerLength + padding + _peer.PacketOverhead;
        return true;
    }

    private void SendAgain(in SentPacket sent, Instant now)
    {
        if (!TryGetCached(in sent, now, out PacketBuffer buffer) || !RtpReader.TryParse(buffer.Bytes, out RtpReader rtp) || !TrySendAgain(in sent, in rtp, now))
        {
            _shard.Counters.Increment(SfuCounter.NacksUnanswered);
            return;
        }

        PacketsRetransmitted++;
        _shard.Counters.Increment(SfuCounter.RtpRetransmitted);
    }

    private bool TrySendAgain(in SentPacket sent, in RtpReader rtp, Instant now)
    {
        // As it was sent first: the publisher may use another payload type by now, and another encoding may be sent.
        NegotiatedCodec codec = Section.Codecs[sent.Codec];
        bool rtx = codec.RtxPayloadType >= 0;
        ExtendedSequence sequence = rtx ? _nextRetransmission : sent.Output;
        var header = new RtpHeader(
            rtx ? (byte)codec.RtxPayloadType : codec.PayloadType, sent.Marker, sequence.Wire, sent.Timestamp, rtx ? RetransmissionSsrc : Ssrc);
        Span<byte> fields = stackalloc byte[Vp8Descriptor.MaxLength];
        Span<byte> descriptor = stackalloc byte[byte.MaxValue];
        if (!rtx && _descriptors is not null)
        {
            return false; // It might differ from what was sent first.
        }

        Reapply(in sent, codec, in rtp, fields, out int written, out int consumed, descriptor, out int descriptorLength);
        Span<byte> target = _shard.Output.Reserve(in _peer.Remote, in _peer.Local, rtp.Payload.Length + MaxOverhead);

        // Without RTX the cipher's nonce is that of the first sending: header and payload must be the same to the byte, or the two tags would
        // tell of the key (NIST SP 800-38D, 8).
        ushort transportSequence = rtx ? NextTransportSequence : sent.TransportSequence;
        int headerLength = WriteHeader(target, in header, rtp.Extensions, new RtpExtension(_descriptorId, descriptor[..descriptorLength]), transportSequence);
        if (headerLength == 0)
        {
            return false;
        }

        int prefixLength = rtx ? Retransmission.OriginalSequenceLength : 0;
        Span<byte> body = target.Slice(headerLength, prefixLength + written + rtp.Payload.Length - consumed);
        if (rtx)
        {
            _nextRetransmission = sequence.Next;
            Retransmission.WriteOriginalSequence(body, sent.Output.Wire);
        }

        fields[..written].CopyTo(body[prefixLength..]);
        rtp.Payload[consumed..].CopyTo(body[(prefixLength + written)..]);
        if (codec.Kind == CodecKind.Red)
        {
            RedPayload.TryRewrite(body[prefixLength..], (byte)codec.RedPayloadType);
        }

        if (rtx)
        {
            Commit(target, in header, headerLength, body, sequence, now);
        }
        else
        {
            _peer.Commit(_peer.SrtpSender.ProtectRtp(target, headerLength, body, sequence.Value));
        }

        return true;
    }

    /// <summary>The codec's own numbers as they were sent first.</summary>
    private void Reapply(
        in SentPacket sent, NegotiatedCodec codec, in RtpReader rtp, Span<byte> fields, out int written, out int consumed, Span<byte> descriptor, out int descriptorLength)
    {
        written = consumed = descriptorLength = 0;
        if (codec.Kind == CodecKind.Vp8)
        {
            Vp8Rewriter.Reapply(sent.CodecState, rtp.Payload, fields, out written, out consumed);
        }
        else if (codec.Kind == CodecKind.Vp9)
        {
            Vp9Rewriter.Reapply(sent.CodecState, rtp.Payload, fields, out written, out consumed);
        }
        else if (_descriptors is not null && rtp.Extensions.TryGet(_descriptorId, out ReadOnlySpan<byte> source))
        {
            PacketLayers layers = _fanout!.Encodings[sent.Layer & EncodingMask].LayersOf(sent.Source);
            _descriptors.Reapply(sent.CodecState, source, in layers, descriptor, out descriptorLength);
        }
    }

    private const int EncodingMask = SdpLimits.MaxEncodingsPerSection - 1;

    /// <summary>
    /// Which source of which encoding a sent packet came from, in a byte: a source after it may use the same numbers for other bytes.
    /// A peer shows fewer SSRCs in its life (<see cref="ShardLimits.MaxSourcesPerPeer"/>) than would let two of an encoding have one mark.
    /// </summary>
    private static byte SourceMark(int encoding, int generation) => (byte)(generation << 2 | encoding);

    private bool TryGetCached(in SentPacket sent, Instant now, out PacketBuffer buffer)
    {
        int encoding = sent.Layer & EncodingMask;
        buffer = null!;
        return _fanout is not null && encoding < _fanout.Encodings.Length
            && SourceMark(encoding, _fanout.Encodings[encoding].Generation) == sent.Layer
            && _fanout.Encodings[encoding].Cache.TryGet(sent.Source, now, out buffer);
    }

    /// <summary>
    /// Gives back what is too old to be asked for, also where no packet comes any more: a source that pauses, or a pool at its
    /// bound, which lets in none until buffers return.
    /// </summary>
    public void ExpireCaches(Instant now) => _fanout?.ExpireCaches(now);
}
