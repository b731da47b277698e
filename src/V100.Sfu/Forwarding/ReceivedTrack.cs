using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// The receiving end of a published track, on its publisher's shard: it tells its encodings' packets apart and hands every packet once
/// to the shards that have subscribers.
/// </summary>
internal sealed partial class ReceivedTrack
{
    private readonly SfuShard _shard;
    private readonly Peer _peer;
    private readonly MediaSection _section;
    private readonly ReceivedEncoding[] _encodings;
    private readonly byte _audioLevelId;
    private readonly byte _ridId;
    private readonly byte _repairedRidId;
    private TrackHold _hold;
    private int _passage;
    private int _soundGeneration = -1;
    private long _newestSent = -1;
    private long _newestLeftOut = -1;

    public ReceivedTrack(SfuShard shard, Peer peer, PublishedTrack track)
    {
        _shard = shard;
        _peer = peer;
        _section = track.Section;
        Track = track;
        _encodings = new ReceivedEncoding[_section.Encodings.Length];
        for (int index = 0; index < _encodings.Length; index++)
        {
            _encodings[index] = new ReceivedEncoding(shard, peer, this, index);
        }

        _audioLevelId = _section.ReceivedExtensions.IdOf(HeaderExtensionKind.AudioLevel);
        _ridId = _section.ReceivedExtensions.IdOf(HeaderExtensionKind.Rid);
        _repairedRidId = _section.ReceivedExtensions.IdOf(HeaderExtensionKind.RepairedRid);
    }

    public PublishedTrack Track { get; }

    /// <summary>When <see cref="HandleDeadline"/> is due.</summary>
    public Instant NextDeadline
    {
        get
        {
            Instant next = _wishes?.NextDeadline ?? Instant.Never;
            foreach (ReceivedEncoding encoding in _encodings)
            {
                next = Instant.Earlier(next, encoding.NextDeadline);
            }

            return next;
        }
    }

    /// <summary>A new SSRC with its first packet; null where that does not tell which encoding's it is.</summary>
    public ReceiveSource? AddSource(in RtpReader rtp, int clockRateHz, bool isRetransmission)
    {
        int encoding = FindEncoding(in rtp, isRetransmission);
        if (encoding < 0 && !isRetransmission)
        {
            return null;
        }

        var source = new ReceiveSource(this, rtp.Ssrc, clockRateHz, isRetransmission) { Encoding = encoding };
        if (!isRetransmission)
        {
            _encodings[encoding].SetPrimary(source);
        }
        else if (encoding >= 0 && _section.Encodings[encoding].RtxSsrc == rtp.Ssrc.Value)
        {
            source.Repairs = new Ssrc(_section.Encodings[encoding].Ssrc);
        }

        return source;
    }

    public void RemoveSource(ReceiveSource source)
    {
        if (source.Encoding >= 0)
        {
            _encodings[source.Encoding].Remove(source);
        }
    }

    public void HandlePacket(ReceiveSource source, in RtpReader rtp, PacketBuffer buffer, Instant now)
    {
        if (!_section.TryFindCodec(rtp.PayloadType, out NegotiatedCodec? codec, out bool isRetransmission))
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownPayloadType);
            return;
        }

        // The publisher's reports tell of what arrives, whether it goes on or not.
        ExtendedSequence sequence = source.Statistics.OnPacket(rtp.SequenceNumber, rtp.Timestamp, now);
        if (IsHeld())
        {
            NoteHeld(source, now);
            _shard.Counters.Increment((_hold & TrackHold.Withdrawn) != 0 ? SfuCounter.DroppedWithdrawn : SfuCounter.DroppedMuted);
        }
        else if (isRetransmission)
        {
            HandleRetransmission(source, codec, in rtp, buffer, now);
        }
        else if (source.Encoding >= 0 && _encodings[source.Encoding].IsPrimary(source))
        {
            RecordAudioLevel(in rtp);
            _encodings[source.Encoding].HandleOriginal(codec, in rtp, buffer, sequence, now);
        }
        else
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownSource);
        }
    }

    /// <summary>The publisher sends it all the same: it is there to choose at once when the track goes on.</summary>
    private void NoteHeld(ReceiveSource source, Instant now)
    {
        if (source.Encoding >= 0)
        {
            _encodings[source.Encoding].Figures.LastPacketAt = now;
        }
    }

    /// <summary>Whether anything that comes goes nowhere. When that changes, what was kept and what is missed are of the past.</summary>
    private bool IsHeld()
    {
        TrackHold hold = Track.Hold;
        if (hold != _hold)
        {
            _hold = hold;
            foreach (ReceivedEncoding encoding in _encodings)
            {
                encoding.BeginAgain();
            }
        }

        return hold != TrackHold.None;
    }

    /// <summary>Retransmissions that neither offer nor header assign are of the encoding that misses what they bring.</summary>
    private void HandleRetransmission(ReceiveSource source, NegotiatedCodec codec, in RtpReader rtp, PacketBuffer buffer, Instant now)
    {
        if (source.Encoding < 0 && rtp.Payload.Length >= Retransmission.OriginalSequenceLength)
        {
            var original = new SequenceNumber(System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(rtp.Payload));
            source.Encoding = Array.FindIndex(_encodings, encoding => encoding.Misses(original));
        }

        if (source.Encoding < 0)
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownSource);
            return;
        }

        _encodings[source.Encoding].HandleRetransmission(source, codec, buffer, now);
    }

    public void HandleSenderReport(ReceiveSource source, in SenderReport report, Instant now)
    {
        source.Statistics.OnSenderReport(report.NtpTime, now);
        if (source.Encoding >= 0)
        {
            _encodings[source.Encoding].HandleSenderReport(source, in report, now);
        }
    }

    public void HandleReported(ReceiveSource source, in ReportBlock report, Instant now)
    {
        if (source.Encoding >= 0)
        {
            _encodings[source.Encoding].HandleReported(source, in report, now);
            UpdateWishes(now);
        }
    }

    /// <summary>Subscribers cannot go on without a keyframe of this encoding; see <see cref="ReceivedEncoding.RequestKeyframe"/>.</summary>
    public void RequestKeyframe(int encoding, int beginsOn, Instant now)
    {
        if (Track.Kind == MediaKind.Video && !IsHeld())
        {
            UpdateWishes(now);
            _encodings[encoding].RequestKeyframe(now, beginsOn);
        }
    }

    public void HandleDeadline(Instant now)
    {
        if (_wishes is not null && now >= _wishes.NextDeadline)
        {
            UpdateWishes(now);
        }

        foreach (ReceivedEncoding encoding in _encodings)
        {
            encoding.HandleDeadline(now);
        }
    }

    /// <summary>From an encoding: one new packet of media, or of padding, to every shard that has subscribers.</summary>
    public void Publish(in MediaPacket packet, Instant now)
    {
        TrackFigures figures = Track.Figures;
        figures.Packets++;
        figures.Bytes += packet.Buffer.Length;
        figures.Codec = packet.Codec.Kind;
        if (packet.Layers.StartsKeyframe)
        {
            figures.Keyframes++;
        }

        if (Track.Kind != MediaKind.Audio)
        {
            _shard.Publish(in packet, now);
        }
        else if (IsLetThrough(in packet))
        {
            _shard.Publish(packet with { Passage = _passage }, now);
        }
        else
        {
            _shard.Counters.Increment(SfuCounter.DroppedNotAmongLoudest);
        }
    }

    /// <summary>
    /// Among more voices than places the others' packets go nowhere. One that comes late, behind others that went on, goes too, or it would be
    /// missed. When its track has a place again, what was left out is past: later it would open for subscribers a gap as long as the pause.
    /// </summary>
    private bool IsLetThrough(in MediaPacket packet)
    {
        if (packet.Generation != _soundGeneration)
        {
            _soundGeneration = packet.Generation;
            _newestSent = _newestLeftOut = -1;
        }

        long number = packet.Sequence.Value;
        if (number < _newestSent && (number > _newestLeftOut || _newestLeftOut > _newestSent))
        {
            return true;
        }

        bool isLeftOut = !Track.IsAmongLoudest && !Track.IsPlayedAlone;
        if (number <= _newestLeftOut || isLeftOut)
        {
            _newestLeftOut = Math.Max(_newestLeftOut, number);
            return false;
        }

        _passage += _newestLeftOut > _newestSent ? 1 : 0;
        _newestSent = number;
        return true;
    }

    /// <summary>The encoding of a new SSRC: announced in the offer, or named by its first packet (RFC 8852); -1 where neither tells.</summary>
    private int FindEncoding(in RtpReader rtp, bool isRetransmission)
    {
        OfferedEncoding[] offered = _section.Encodings;
        byte id = isRetransmission ? _repairedRidId : _ridId;
        bool hasRid = rtp.Extensions.TryGet(id, out ReadOnlySpan<byte> rid) && id != 0;
        for (int index = 0; index < offered.Length; index++)
        {
            uint announced = isRetransmission ? offered[index].RtxSsrc : offered[index].Ssrc;
            if (announced == rtp.Ssrc.Value && announced != 0 || hasRid && RidIs(offered[index], rid))
            {
                return index;
            }
        }

        // An only encoding has whatever comes; of its retransmissions the first that is missed tells whose they are.
        return offered.Length == 1 ? 0 : -1;
    }

    private static bool RidIs(in OfferedEncoding offered, ReadOnlySpan<byte> rid) =>
        offered.Rid.Length > 0 && System.Text.Ascii.Equals(rid, offered.Rid);

    private void RecordAudioLevel(in RtpReader rtp)
    {
        if (_audioLevelId != 0 && rtp.Extensions.TryGet(_audioLevelId, out ReadOnlySpan<byte> value) && value.Length > 0)
        {
            Track.RecordAudioLevel(value[0]);
        }
    }

    /// <summary>The publisher is gone: nobody receives the track any more.</summary>
    public void Close()
    {
        Track.Receiver = null;
        Track.PublisherShard = -1;
        foreach (ReceivedEncoding encoding in _encodings)
        {
            encoding.Close();
        }
    }
}
