using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Sfu.Srtp;

namespace V100.Sfu.Peers;

/// <summary>What goes out as RTCP: reports, transport-wide feedback, and what tracks ask of the publisher.</summary>
internal sealed partial class Peer
{
    /// <summary>One datagram of RTCP, before SRTCP's own bytes.</summary>
    private const int MaxRtcpLength = 1200;

    private ReportSchedule _reports;
    private PublisherClock _clock;
    private TransportFeedbackBuilder? _transportFeedback;

    /// <summary>The SSRC that this server's RTCP to the client comes from: that of a stream that it sends, else one of its own.</summary>
    private Ssrc _reporter;

    private void StartReports(Instant now)
    {
        _reports.Arm(now, _shard.Entropy.NextUInt32());
        _reporter = new Ssrc(_shard.Entropy.NextUInt32() | 1);
        foreach (Subscription? subscription in _subscriptions)
        {
            if (subscription is not null)
            {
                _reporter = subscription.Ssrc;
                break;
            }
        }

        foreach (ReceivedTrack? track in _received)
        {
            if (track is not null && track.Track.Section.ReceivedExtensions.IdOf(HeaderExtensionKind.TransportCc) != 0)
            {
                _transportFeedback ??= new TransportFeedbackBuilder();
            }
        }

        WakeAt(_reports.NextDeadline);
    }

    /// <summary>Transport-wide congestion control counts every packet of the transport: media, retransmission, probe, audio.</summary>
    private void RecordArrival(ReceiveSource source, in RtpReader rtp, Instant now)
    {
        byte id = source.Track.Track.Section.ReceivedExtensions.IdOf(HeaderExtensionKind.TransportCc);
        if (_transportFeedback is { } feedback && id != 0 && rtp.Extensions.TryGet(id, out ReadOnlySpan<byte> value) && value.Length >= 2)
        {
            feedback.OnPacket(new SequenceNumber(BinaryPrimitives.ReadUInt16BigEndian(value)), now);
            WakeAt(feedback.NextDeadline);
        }
    }

    private void HandleMediaDeadlines(Instant now)
    {
        if (_transportFeedback is { } feedback)
        {
            while (now >= feedback.NextDeadline && TrySendTransportFeedback(feedback))
            {
            }

            WakeAt(feedback.NextDeadline);
        }

        foreach (ReceivedTrack? track in _received)
        {
            if (track is not null)
            {
                track.HandleDeadline(now);
                WakeAt(track.NextDeadline);
            }
        }

        HandleAdaptationDeadlines(now);
        if (_reports.IsDue(now))
        {
            SendReports(now);
            _reports.Arm(now, _shard.Entropy.NextUInt32());
        }

        WakeAt(_reports.NextDeadline);
    }

    private bool TrySendTransportFeedback(TransportFeedbackBuilder feedback)
    {
        Span<byte> packet = BeginRtcp();
        var writer = new SpanWriter(packet[..MaxRtcpLength]);
        if (!feedback.WriteFeedback(ref writer, _reporter, _sourceCount > 0 ? _sources[0].Ssrc : default))
        {
            return false;
        }

        EndRtcp(packet, writer.Position);
        return true;
    }

    /// <summary>RFC 3550, 6.4: sender reports for what we send, reception reports for what we get, in as many packets as they need.</summary>
    private void SendReports(Instant now)
    {
        if (_estimator is not null)
        {
            _shard.Estimates.Record(_estimator.EstimateBps);
        }

        Span<ReportBlock> blocks = stackalloc ReportBlock[ReportBlock.MaxCount];
        int count = 0;
        for (int index = 0; index < _sourceCount && count < blocks.Length; index++)
        {
            if (!_sources[index].IsRetransmission && _sources[index].Statistics.HasPackets)
            {
                blocks[count] = _sources[index].Statistics.TakeReport(now);
                _sources[index].Track.HandleReported(_sources[index], in blocks[count], now);
                count++;
            }
        }

        if (count > 0)
        {
            Span<byte> packet = BeginRtcp();
            var writer = new SpanWriter(packet[..MaxRtcpLength]);
            ReceiverReport.Write(ref writer, _reporter, blocks[..count]);
            EndRtcp(packet, writer.Position);
        }

        foreach (Subscription? subscription in _subscriptions)
        {
            if (subscription is null)
            {
                continue;
            }

            subscription.ExpireCaches(now);
            Span<byte> packet = BeginRtcp();
            var writer = new SpanWriter(packet[..MaxRtcpLength]);
            if (subscription.WriteSenderReport(ref writer, now))
            {
                EndRtcp(packet, writer.Position);
            }
        }
    }

    /// <summary>A sender report of any of the peer's sources came: when, by V100's clock, the peer's clock stood there.</summary>
    public Instant NoteClock(ulong ntpTime, Instant now) => _clock.OnSenderReport(ntpTime, RoundTrip, now);

    /// <summary>Zero while unknown: a publisher that gets no sender reports from us tells none.</summary>
    private TimeSpan RoundTrip
    {
        get
        {
            foreach (Subscription? subscription in _subscriptions)
            {
                if (subscription?.RoundTrip is { } roundTrip)
                {
                    return roundTrip;
                }
            }

            return TimeSpan.Zero;
        }
    }

    /// <summary>Asks the publisher for packets that are missing; returns for how many.</summary>
    public int SendNacks(GapTracker gaps, Ssrc media, Instant now)
    {
        Span<byte> packet = BeginRtcp();
        var writer = new SpanWriter(packet[..MaxRtcpLength]);
        int asked = gaps.WriteNacks(ref writer, _reporter, media, now, RoundTrip);
        if (asked > 0)
        {
            _shard.Counters.Increment(SfuCounter.NacksSent);
            EndRtcp(packet, writer.Position);
        }

        return asked;
    }

    /// <summary>Asks the publisher for a keyframe: PLI where agreed, else FIR.</summary>
    public void SendKeyframeRequest(Ssrc media, CodecFeedback agreed, byte commandSequence)
    {
        Span<byte> packet = BeginRtcp();
        var writer = new SpanWriter(packet[..MaxRtcpLength]);
        if ((agreed & CodecFeedback.Pli) != 0 || (agreed & CodecFeedback.Fir) == 0)
        {
            new PictureLossIndication(_reporter, media).Write(ref writer);
        }
        else
        {
            FullIntraRequest.Write(ref writer, _reporter, media, commandSequence);
        }

        _shard.Counters.Increment(SfuCounter.KeyframesRequested);
        EndRtcp(packet, writer.Position);
    }

    private void SendGoodbye()
    {
        Span<Ssrc> ended = stackalloc Ssrc[31];
        int count = 0;
        foreach (Subscription? subscription in _subscriptions)
        {
            if (subscription is { PacketsSent: > 0 } && count < ended.Length)
            {
                ended[count++] = subscription.Ssrc;
            }
        }

        if (count > 0)
        {
            Span<byte> packet = BeginRtcp();
            var writer = new SpanWriter(packet[..MaxRtcpLength]);
            ReceiverReport.Write(ref writer, _reporter, []);
            Goodbye.Write(ref writer, ended[..count]);
            EndRtcp(packet, writer.Position);
        }
    }

    private Span<byte> BeginRtcp() => _shard.Output.Reserve(in _remote, in _local, MaxRtcpLength + SrtpSender.MaxOverhead);

    private void EndRtcp(Span<byte> packet, int length)
    {
        Commit(_srtpSender!.ProtectRtcp(packet, length));
        _shard.Counters.Increment(SfuCounter.RtcpSent);
    }
}
