using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>What the receiving end asks of its publisher: packets that are missing, and keyframes.</summary>
internal sealed partial class ReceivedEncoding
{
    /// <summary>An encoding that had a packet within this was sent to the end of what a rate is measured over.</summary>
    private static readonly TimeSpan ActiveTime = TimeSpan.FromMilliseconds(200);

    /// <summary>Of a new measurement, a second long, in the steady rate.</summary>
    private const double SteadyShare = 0.3;

    private GapTracker _gaps;
    private readonly KeyframeRequests _keyframes = new();
    private RateMeter _bitrate;
    private RateMeter _packetRate;
    private RateMeter _frameRate;

    /// <summary>Never before the first packet: there is nothing yet to ask a keyframe of, however many wait for it.</summary>
    public Instant NextDeadline => _primary is null ? Instant.Never : Instant.Earlier(_gaps.NextDeadline, _keyframes.NextDeadline);

    /// <summary>
    /// Subscribers cannot go on without a keyframe. One that begins may have what is cached; else the publisher is asked, at once or when
    /// the last request is old enough.
    /// </summary>
    /// <param name="now">The present.</param>
    /// <param name="beginsOn">The shard on which somebody begins; -1 where what came before is of no use.</param>
    public void RequestKeyframe(Instant now, int beginsOn)
    {
        if (beginsOn >= 0 && TryReplay(beginsOn, now))
        {
            return;
        }

        _keyframes.Request(now);
        HandleDeadline(now);
        _peer.WakeAt(NextDeadline);
    }

    public void HandleSenderReport(ReceiveSource source, in SenderReport report, Instant now)
    {
        if (source == _primary)
        {
            Instant at = _peer.NoteClock(report.NtpTime, now);
            _shard.PublishClock(_track.Track, new SourceClock(Index, _generation, report.NtpTime, report.RtpTimestamp, at));
        }
    }

    /// <summary>Takes over what a report about the encoding's media says.</summary>
    public void HandleReported(ReceiveSource source, in ReportBlock report, Instant now)
    {
        if (source != _primary)
        {
            return;
        }

        _bitrate.Update(Figures.Bytes, now);
        Figures.BitrateBps = 8 * (long)_bitrate.PerSecond;
        if (now - Figures.LastPacketAt < ActiveTime && _track.Track.Hold == TrackHold.None)
        {
            Figures.SteadyBps += (Figures.BitrateBps - Figures.SteadyBps) * (Figures.SteadyBps == 0 ? 1 : SteadyShare);
        }

        _packetRate.Update(Figures.Packets, now);
        Figures.PacketsPerSecond = _packetRate.PerSecond;
        _frameRate.Update(Figures.Frames, now);
        Figures.FramesPerSecond = _frameRate.PerSecond;
        Figures.Lost = source.Statistics.CumulativeLost;
        Figures.FractionLost = report.FractionLost / 256.0;
        Figures.JitterMicroseconds = report.Jitter * 1_000_000L / source.Statistics.ClockRateHz;
    }

    public void HandleDeadline(Instant now)
    {
        if (_primary is not { } primary || !_peer.CanSend)
        {
            return;
        }

        if (now >= _gaps.NextDeadline)
        {
            _track.Track.Figures.Nacks += _peer.SendNacks(_gaps, primary.Ssrc, now);
            if (_gaps.TryTakeKeyframeNeed() && _section.Kind == MediaKind.Video)
            {
                _keyframes.Request(now);
            }
        }

        if (_keyframes.TryTake(now, TimeSpan.Zero))
        {
            _track.Track.Figures.KeyframeRequests++;
            _peer.TraceKeyframeRequest(_track.Track, Index, now);
            _peer.SendKeyframeRequest(primary.Ssrc, _section.Codecs[0].Feedback, _keyframes.CommandSequence);
        }
    }

    /// <summary>
    /// Whether the packet was not there before. Only where packets are asked for again can one come twice, as the original and as
    /// its retransmission: within one SSRC the replay check has seen to it.
    /// </summary>
    private bool IsNew(NegotiatedCodec codec, ExtendedSequence sequence, Instant now)
    {
        if ((codec.Feedback & CodecFeedback.Nack) == 0)
        {
            return true;
        }

        PacketArrival arrival = _gaps.OnPacket(sequence, now);
        _peer.WakeAt(_gaps.NextDeadline);
        return arrival != PacketArrival.Unexpected;
    }

    private GapTracker CreateGapTracker() => new(_section.Kind == MediaKind.Video ? GapLimits.Video : GapLimits.Audio);
}
