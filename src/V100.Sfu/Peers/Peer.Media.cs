using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Sfu.Srtp;

namespace V100.Sfu.Peers;

/// <summary>What comes in as RTP: decrypted once, matched to its track, handed on.</summary>
internal sealed partial class Peer
{
    private readonly ReceivedTrack?[] _received;
    private readonly Subscription?[] _subscriptions;
    private SrtpReceiver? _srtpReceiver;
    private SrtpSender? _srtpSender;

    // The sources that have shown a valid packet, by SSRC; a scan of at most MaxSourcesPerPeer words is one vector loop.
    private uint[] _sourceSsrcs = new uint[4];
    private ReceiveSource[] _sources = new ReceiveSource[4];
    private int _sourceCount;

    public SrtpSender SrtpSender => _srtpSender!;

    private void HandleRtp(ReadOnlySpan<byte> packet, Instant now)
    {
        CounterBlock<SfuCounter> counters = _shard.Counters;
        if (_srtpReceiver is null)
        {
            counters.Increment(SfuCounter.DroppedBeforeKeys);
            return;
        }

        if (!RtpReader.TryParseHeader(packet, out RtpReader header))
        {
            counters.Increment(SfuCounter.DroppedMalformed);
            return;
        }

        if (packet.Length > PacketBuffer.Capacity)
        {
            counters.Increment(SfuCounter.DroppedTooLong);
            return;
        }

        if (!_shard.Pool.TryRent(out PacketBuffer buffer))
        {
            counters.Increment(SfuCounter.DroppedNoBuffer);
            return;
        }

        SrtpResult result = _srtpReceiver.UnprotectRtp(
            packet, header.HeaderLength, header.Ssrc.Value, header.SequenceNumber.Value, buffer.Room, out int length, out _);
        if (result == SrtpResult.Ok)
        {
            buffer.Length = length;
            counters.Increment(SfuCounter.RtpReceived);
            counters.Add(SfuCounter.RtpReceivedBytes, length);
            Descriptor.Traffic.CountReceived(packet.Length);
            HandlePlaintext(buffer, now);
        }
        else
        {
            counters.Increment(CounterOf(result));
        }

        buffer.Release();
    }

    private void HandlePlaintext(PacketBuffer buffer, Instant now)
    {
        if (!RtpReader.TryParse(buffer.Bytes, out RtpReader rtp))
        {
            _shard.Counters.Increment(SfuCounter.DroppedMalformed);
            return;
        }

        int known = _sourceSsrcs.AsSpan(0, _sourceCount).IndexOf(rtp.Ssrc.Value);
        if (known < 0 && !TryLatchSlow(in rtp, out known))
        {
            _shard.Counters.Increment(SfuCounter.DroppedUnknownSource);
            return;
        }

        ReceiveSource source = _sources[known];
        RecordArrival(source, in rtp, now);
        source.Track.HandlePacket(source, in rtp, buffer, now);
    }

    private static SfuCounter CounterOf(SrtpResult result) => result switch
    {
        SrtpResult.Replayed => SfuCounter.DroppedReplay,
        SrtpResult.TooManySources => SfuCounter.DroppedTooManySources,
        SrtpResult.AuthenticationFailed => SfuCounter.DroppedAuthentication,
        _ => SfuCounter.DroppedMalformed,
    };

    /// <summary>
    /// Finds which track a new SSRC belongs to: by what the offer said of it, by its mid, else by its payload type
    /// (RFC 8843, 9.2). Only authenticated packets come here, and what they can add is bounded.
    /// </summary>
    private bool TryLatchSlow(in RtpReader rtp, out int index)
    {
        index = -1;
        if (_sourceCount >= _shard.Limits.MaxSourcesPerPeer || !TryFindTrack(in rtp, out ReceivedTrack track))
        {
            return false;
        }

        if (!track.Track.Section.TryFindCodec(rtp.PayloadType, out NegotiatedCodec? codec, out bool isRetransmission))
        {
            return false;
        }

        if (track.AddSource(in rtp, codec.ClockRateHz, isRetransmission) is not { } source)
        {
            return false;
        }

        if (_sourceCount == _sources.Length)
        {
            Array.Resize(ref _sources, 2 * _sourceCount);
            Array.Resize(ref _sourceSsrcs, 2 * _sourceCount);
        }

        index = _sourceCount++;
        _sourceSsrcs[index] = rtp.Ssrc.Value;
        _sources[index] = source;
        return true;
    }

    private bool TryFindTrack(in RtpReader rtp, out ReceivedTrack track)
    {
        NegotiatedSession negotiated = Descriptor.Negotiated;
        byte midId = negotiated.ReceivedExtensions.IdOf(HeaderExtensionKind.Mid);
        bool found = negotiated.TryFindBySsrc(rtp.Ssrc.Value, out MediaSection? section, out _)
            || midId != 0 && rtp.Extensions.TryGet(midId, out ReadOnlySpan<byte> mid) && negotiated.TryFindByMid(mid, out section)
            || negotiated.TryFindByPayloadType(rtp.PayloadType, out section);
        track = found ? _received[section!.Index]! : null!;
        return track is not null;
    }

    /// <summary>
    /// An SSRC that said BYE. Its SRTP context stays, or packets recorded before could be played again; so a peer may show
    /// <see cref="ShardLimits.MaxSourcesPerPeer"/> SSRCs in its life.
    /// </summary>
    private void RemoveSource(uint ssrc)
    {
        int index = _sourceSsrcs.AsSpan(0, _sourceCount).IndexOf(ssrc);
        if (index < 0)
        {
            return;
        }

        _sources[index].Track.RemoveSource(_sources[index]);
        _sourceCount--;
        _sources[index] = _sources[_sourceCount];
        _sourceSsrcs[index] = _sourceSsrcs[_sourceCount];
        _sources[_sourceCount] = null!;
    }
}
