using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// The receiving end of a published track, on its publisher's shard: it makes originals of retransmissions, asks for
/// what is missing, and hands every packet once to the shards that have subscribers.
/// </summary>
internal sealed partial class ReceivedTrack
{
    private readonly SfuShard _shard;
    private readonly Peer _peer;
    private readonly MediaSection _section;
    private readonly byte _audioLevelId;
    private ReceiveSource? _primary;
    private int _generation;

    public ReceivedTrack(SfuShard shard, Peer peer, PublishedTrack track)
    {
        _shard = shard;
        _peer = peer;
        _section = track.Section;
        Track = track;
        _gaps = CreateGapTracker();
        _audioLevelId = _section.ReceivedExtensions.IdOf(HeaderExtensionKind.AudioLevel);
    }

    public PublishedTrack Track { get; }

    /// <summary>The source whose packets are media now, or null before the first.</summary>
    public ReceiveSource? Primary => _primary;

    /// <summary>A new SSRC. A second source of media replaces the first: subscribers go on with it from its next keyframe.</summary>
    public ReceiveSource AddSource(Ssrc ssrc, int clockRateHz, bool isRetransmission)
    {
        var source = new ReceiveSource(this, ssrc, clockRateHz, isRetransmission);
        if (isRetransmission)
        {
            foreach (RemoteStream announced in _section.RemoteStreams)
            {
                source.Repairs = announced.RtxSsrc == ssrc.Value ? new Ssrc(announced.Ssrc) : source.Repairs;
            }
        }
        else
        {
            _primary = source;
            _generation++;
            _gaps = CreateGapTracker();
            _peer.WakeAt(NextDeadline); // What subscribers have asked for can now be asked of the publisher.
        }

        return source;
    }

    public void RemoveSource(ReceiveSource source)
    {
        if (_primary == source)
        {
            _primary = null;
            _gaps = CreateGapTracker();
        }
    }

    public void HandlePacket(ReceiveSource source, in RtpReader rtp, PacketBuffer buffer, Instant now)
    {
        if (!_section.TryFindCodec(rtp.PayloadType, out NegotiatedCodec? codec, out bool isRetransmission))
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownPayloadType);
            return;
        }

        ExtendedSequence sequence = source.Statistics.OnPacket(rtp.SequenceNumber, rtp.Timestamp, now);
        if (isRetransmission)
        {
            HandleRetransmission(source, codec, buffer, now);
        }
        else if (source == _primary)
        {
            HandleOriginal(codec, in rtp, buffer, sequence, now);
        }
        else
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownSource);
        }
    }

    private void HandleOriginal(NegotiatedCodec codec, in RtpReader rtp, PacketBuffer buffer, ExtendedSequence sequence, Instant now)
    {
        if (!IsNew(codec, sequence, now))
        {
            _shard.Counters.Increment(SfuCounter.DroppedDuplicate);
            return;
        }

        if (_audioLevelId != 0)
        {
            RecordAudioLevel(in rtp);
        }

        Publish(codec, in rtp, buffer, sequence, now);
    }

    /// <summary>RFC 4588: the original's number stands before its payload; everything behind this knows the original alone.</summary>
    private void HandleRetransmission(ReceiveSource source, NegotiatedCodec codec, PacketBuffer buffer, Instant now)
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
        if (retransmissions.Repairs is null && _gaps.IsMissing(primary.Statistics.Peek(original)))
        {
            retransmissions.Repairs = primary.Ssrc;
        }

        return retransmissions.Repairs == primary.Ssrc;
    }

    private void Publish(NegotiatedCodec codec, in RtpReader rtp, PacketBuffer buffer, ExtendedSequence sequence, Instant now)
    {
        bool startsKeyframe = KeyframeDetector.IsKeyframeStart(codec.Kind, rtp.Payload);
        TrackFigures figures = Track.Figures;
        figures.Packets++;
        figures.Bytes += buffer.Length;
        figures.Codec = codec.Kind;
        if (startsKeyframe && Track.Kind == MediaKind.Video)
        {
            figures.Keyframes++;
            NoteKeyframe();
        }

        var packet = new MediaPacket
        {
            Track = Track,
            Buffer = buffer,
            Generation = _generation,
            Sequence = sequence,
            Codec = codec,
            StartsKeyframe = startsKeyframe,
            IsPaddingOnly = rtp.Payload.IsEmpty,
            ReceivedAt = now,
        };
        _shard.Publish(in packet, now);
    }

    /// <summary>RFC 6464: seven bits, 0 the loudest; kept turned around and smoothed over about ten packets (200 ms).</summary>
    private void RecordAudioLevel(in RtpReader rtp)
    {
        if (rtp.Extensions.TryGet(_audioLevelId, out ReadOnlySpan<byte> value) && value.Length > 0)
        {
            float level = 127 - (value[0] & 0x7F);
            Track.AudioLevel += (level - Track.AudioLevel) * 0.1f;
        }
    }

    /// <summary>The publisher is gone: nobody receives the track any more.</summary>
    public void Close()
    {
        Track.Receiver = null;
        Track.PublisherShard = -1;
        Track.AudioLevel = 0;
    }
}
