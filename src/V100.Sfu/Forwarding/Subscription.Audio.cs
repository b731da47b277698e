using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>Sound: every packet goes on, in the form that the subscriber takes.</summary>
internal sealed partial class Subscription
{
    /// <summary>From this loss on, 0 to 1, a subscriber that takes redundant audio gets it of a publisher that sends none.</summary>
    private const double RedundancyLoss = 0.03;

    /// <summary>Below this loss no more: between, it stays as it is.</summary>
    private const double PlainLoss = 0.005;

    /// <summary>Of one report in the mean: a report is about a second, of fifty packets.</summary>
    private const double LossWeight = 0.25;

    /// <summary>The same of the path, as feedback on every packet tells it: of some hundred packets, so some are lost by chance.</summary>
    private const double RedundancyPathLoss = 0.06;

    /// <summary>One of the subscriber's codecs is redundant audio.</summary>
    private readonly bool _takesRedundancy;
    private int _audioGeneration = -1;
    private int _audioPassage;
    private double _meanLoss;
    private bool _losesSound;

    /// <summary>
    /// The kind of codec in which the subscriber gets what the publisher sends as <paramref name="published"/>. Redundant audio (RFC 2198) that
    /// the publisher makes goes to all who take it. Of plain Opus it is made for who puts it first, and for who loses much; the others, browsers
    /// among them, which offer it behind Opus, need no more than Opus.
    /// </summary>
    public CodecKind FormOf(CodecKind published) => published switch
    {
        CodecKind.Red => _takesRedundancy ? CodecKind.Red : CodecKind.Opus,
        CodecKind.Opus => _takesRedundancy && (_losesSound || Section.Codecs[0].Kind == CodecKind.Red) ? CodecKind.Red : CodecKind.Opus,
        _ => published,
    };

    /// <summary>One frame that <see cref="AudioForms"/> has made of a packet.</summary>
    public void ForwardForm(in MediaPacket packet, in RtpReader rtp, bool isRecovered, Instant now)
    {
        if (_peer.CanSend)
        {
            ForwardAudio(in packet, in rtp, isRecovered, now);
        }
        else if (!isRecovered)
        {
            _shard.Counters.Increment(SfuCounter.DroppedBeforeKeys);
        }
    }

    /// <summary>Nothing can be made of a packet for the subscriber: no gap is left by it, if its frame was not sent before.</summary>
    public void DropFormless(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (!_peer.CanSend || packet.Generation != _audioGeneration || packet.Passage != _audioPassage)
        {
            _shard.Counters.Increment(_peer.CanSend ? SfuCounter.DroppedMalformed : SfuCounter.DroppedBeforeKeys);
            return;
        }

        Dispatch(PacketClass.Audio, new Departure { Subscription = this, Kind = DepartureKind.Drop, Epoch = _epoch, Packet = packet }, in rtp, now);
    }

    private void ForwardAudio(in MediaPacket packet, in RtpReader rtp, bool isRecovered, Instant now)
    {
        if (packet.Generation != _audioGeneration || packet.Passage != _audioPassage)
        {
            if (packet.IsPaddingOnly || isRecovered)
            {
                CountDropped(SfuCounter.DroppedAwaitingKeyframe, isRecovered);
                return;
            }

            // After a pause in which others were louder the numbers go on without a gap, and times keep their distance.
            _audioGeneration = packet.Generation;
            _audioPassage = packet.Passage;
            MediaPacket first = packet with { Encoding = 0 };
            Dispatch(PacketClass.Audio, new Departure { Subscription = this, Kind = DepartureKind.Switch, Epoch = _epoch, Packet = first }, in rtp, now);
        }

        DepartureKind kind = packet.IsPaddingOnly ? DepartureKind.Drop : DepartureKind.Send;
        Dispatch(
            PacketClass.Audio,
            new Departure { Subscription = this, Kind = kind, Epoch = _epoch, Packet = packet, Marker = rtp.Marker, IsLate = isRecovered },
            in rtp,
            now);
    }

    /// <summary>Feedback on every packet knows of losses within a second; a browser reports on its sound each five.</summary>
    /// <param name="fraction">0 to 1, of all that goes to the peer.</param>
    public void NotePathLoss(double fraction) => _losesSound |= fraction >= RedundancyPathLoss;

    private void NoteLoss(double fractionLost)
    {
        _meanLoss += (fractionLost - _meanLoss) * LossWeight;
        _losesSound = _meanLoss >= RedundancyLoss || _losesSound && _meanLoss >= PlainLoss;
    }
}
