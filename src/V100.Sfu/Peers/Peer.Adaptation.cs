using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Peers;

/// <summary>
/// What goes to the client fits its path: the estimate, the pacer between the subscriptions and the batch, and the choice of layers for all
/// subscriptions together.
/// </summary>
internal sealed partial class Peer
{
    /// <summary>How often the choice of layers is looked at when nothing else calls for it.</summary>
    private static readonly TimeSpan AdaptationInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>In the beginning the estimate is a guess: what waits too long is sent all the same.</summary>
    private static readonly TimeSpan GraceTime = TimeSpan.FromSeconds(2);

    /// <summary>A path that is probed must carry a little more than what is to be sent on it.</summary>
    private const double ProbeHeadroom = 1.6;

    private readonly LayerAllocator _allocator = new();
    private Subscription[] _videos = [];
    private LayerDemand[] _demands = [];
    private BandwidthEstimator? _estimator;
    private Pacer<Departure>? _pacer;
    private ushort _transportSequence;
    private bool _isNumbered;
    private bool _reportsByStream;
    private Instant _nextAdaptation = Instant.Never;
    private Instant _graceUntil;
    private RateMeter _audioRate;

    /// <summary>UDP and IP headers of a packet.</summary>
    public int PacketOverhead => _remote.IsIPv4 ? 28 : 48;

    /// <summary>What the client's path carries; null for one that reports nothing.</summary>
    public BandwidthEstimator? Estimator => _estimator;

    /// <summary>The subscriptions among which the path is shared.</summary>
    public IReadOnlyList<Subscription> Videos => _videos;

    /// <summary>The transport-wide number of the next packet, over all streams of the peer.</summary>
    public ushort NextTransportSequence => _transportSequence;

    private void StartAdaptation(Instant now)
    {
        var videos = new List<Subscription>();
        foreach (Subscription? subscription in _subscriptions)
        {
            if (subscription is null)
            {
                continue;
            }

            _isNumbered |= subscription.IsNumbered;
            _reportsByStream |= subscription.ReportsByStream;
            if (subscription.Section.Kind == MediaKind.Video)
            {
                videos.Add(subscription);
            }
        }

        _videos = [.. videos];
        _demands = Array.ConvertAll(_videos, video => video.Demand);
        _graceUntil = now + GraceTime;
        if ((_isNumbered || _reportsByStream) && _videos.Length > 0)
        {
            StartEstimation();
        }

        Adapt(now);
    }

    private void StartEstimation()
    {
        _estimator = new BandwidthEstimator(new BandwidthLimits { StartBps = _shard.Limits.StartBitrateBps });

        // Where a receiver only says its own estimate, what probes and bursts do is not known: layers are chosen by it, and nothing more.
        _pacer = _isNumbered || _reportsByStream ? new Pacer<Departure>(_estimator.EstimateBps, _shard.Waiting) : null;
    }

    /// <summary>Whether a packet may go at once. If so it is charged.</summary>
    public bool MaySendNow(PacketClass priority, int bytes, Instant now) => _pacer is null || _pacer.TrySendNow(priority, bytes, now);

    /// <summary>A subscription begins with what is cached: for a while more may wait than otherwise.</summary>
    public void AllowCatchingUp(Instant now) => _graceUntil = now + GraceTime;

    /// <summary>Keeps what may not go yet, with a reference to its packet. False at the bound.</summary>
    public bool TryQueue(PacketClass priority, in Departure departure, int bytes, Instant now)
    {
        if (!_pacer!.TryEnqueue(priority, in departure, bytes))
        {
            return false;
        }

        departure.Packet.Buffer?.AddReferences(1);
        WakeAt(_pacer.NextDeadline);
        if (_pacer.IsBehind && now >= _graceUntil)
        {
            SkipLeastImportant(now);
        }

        return true;
    }

    /// <summary>One packet was written to the batch.</summary>
    public void OnPacketSent(int length, bool isNumbered, in RtpHeader header, Instant now)
    {
        if (isNumbered != _isNumbered)
        {
            return; // Feedback cannot tell of it.
        }

        var sequence = new SequenceNumber(_transportSequence++);
        if (_reportsByStream && !_isNumbered)
        {
            _estimator?.OnPacketSent(sequence, length + PacketOverhead, now, _pacer?.ActiveProbe ?? 0, header.Ssrc, header.SequenceNumber);
        }
        else
        {
            _estimator?.OnPacketSent(sequence, length + PacketOverhead, now, _pacer?.ActiveProbe ?? 0);
        }
    }

    private void HandleTransportFeedback(in TransportFeedback feedback, Instant now)
    {
        if (_estimator is not null)
        {
            _estimator.HandleFeedback(in feedback, now);
            AfterEstimate(now);
        }
    }

    private void HandleCongestionFeedback(in CongestionControlFeedback feedback, Instant now)
    {
        if (_estimator is not null)
        {
            _estimator.HandleFeedback(in feedback, now);
            AfterEstimate(now);
        }
    }

    private void HandleReceiverEstimate(in ReceiverEstimatedMaxBitrate estimate, Instant now)
    {
        if (_estimator is null)
        {
            StartEstimation();
        }

        _estimator!.HandleRemb(estimate.BitrateBps, now);
        AfterEstimate(now);
    }

    private void AfterEstimate(Instant now)
    {
        _pacer?.SetEstimate(_estimator!.EstimateBps, _estimator.IsPathFull);
        TraceEstimate(now);
        if (_pacer is { ActiveProbe: not 0 } pacer && pacer.ActiveProbe != _estimator!.OutstandingProbe)
        {
            pacer.EndProbe();
        }

        if (_estimator!.TryTakeProbe(now, out ProbeCluster probe))
        {
            _pacer?.StartProbe(in probe, now);
            _shard.Counters.Increment(SfuCounter.ProbesStarted);
            TraceProbe(probe, now);
        }

        if (now >= _nextAdaptation - AdaptationInterval / 2)
        {
            Adapt(now);
        }

        RunPacer(now);
        WakeAt(_estimator.NextDeadline);
    }

    private void HandleAdaptationDeadlines(Instant now)
    {
        if (_estimator is not null && now >= _estimator.NextDeadline)
        {
            _estimator.HandleDeadline(now);
            AfterEstimate(now);
        }
        else if (_pacer is not null && now >= _pacer.NextDeadline)
        {
            RunPacer(now);
        }

        if (now >= _nextAdaptation)
        {
            Adapt(now);
        }

        WakeAt(Instant.Earlier(_nextAdaptation, _estimator?.NextDeadline ?? Instant.Never));
        WakeAt(_pacer?.NextDeadline ?? Instant.Never);
    }

    /// <summary>Chooses layers for all subscriptions under the present estimate.</summary>
    private void Adapt(Instant now)
    {
        if (_videos.Length == 0)
        {
            return;
        }

        foreach (Subscription video in _videos)
        {
            video.UpdateDemand(now);
        }

        long audioBps = AudioBps(now);
        long estimateBps = _estimator is null ? long.MaxValue : Math.Max(0, _estimator.EstimateBps - audioBps);
        AllocationSummary summary = _allocator.Allocate(_demands, estimateBps, now);
        long demandBps = (long)(Math.Max(summary.NextStepBps * ProbeHeadroom, summary.TotalBps) + audioBps);
        _estimator?.SetDemand(_pacer is null ? 0 : demandBps);
        TraceAllocation(summary, audioBps, now);
        bool pauses = false;
        foreach (Subscription video in _videos)
        {
            video.ApplyChoice(now);
            pauses |= Descriptor.SetPause(video.Section.Index, PauseOf(video.Demand));
        }

        if (pauses)
        {
            TellAdapted();
        }

        _nextAdaptation = Instant.Earlier(now + AdaptationInterval, _allocator.NextDeadline);
        WakeAt(_nextAdaptation);
    }

    /// <summary>Null where it is sent, or where there is nothing to send.</summary>
    private static AllocationReason? PauseOf(LayerDemand demand) =>
        demand.Choice.IsNone && demand.Reason is AllocationReason.PausedByClient or AllocationReason.EstimateTooLow or AllocationReason.HoldingBack ? demand.Reason : null;

    /// <summary>The control plane wants to know what rests, and what is wanted of the client.</summary>
    public void TellAdapted()
    {
        if (!_closed && Descriptor.NoteAdapted())
        {
            _shard.Report(new PeerEvent(PeerEventKind.Adapted, Descriptor, PeerCloseReason.None));
        }
    }

    /// <summary>What sound takes of the path, with headers; it goes whatever the estimate says.</summary>
    private long AudioBps(Instant now)
    {
        long bytes = 0;
        foreach (Subscription? subscription in _subscriptions)
        {
            if (subscription is { Section.Kind: MediaKind.Audio })
            {
                bytes += subscription.BytesSent + subscription.PacketsSent * PacketOverhead;
                subscription.NotePathLoss(_estimator?.LossFraction ?? 0);
            }
        }

        _audioRate.Update(bytes, now);
        return (long)(8 * _audioRate.PerSecond);
    }

    private void RunPacer(Instant now)
    {
        if (_pacer is not { } pacer)
        {
            return;
        }

        while (pacer.TryDequeue(now, out Departure departure))
        {
            Release(in departure, now);
        }

        while (pacer.PaddingBytes(now) is var wanted && wanted > 0 && TrySendPadding(wanted, now, out int sent))
        {
            pacer.OnPaddingSent(sent);
        }

        WakeAt(pacer.NextDeadline);
    }

    private static void Release(in Departure departure, Instant now)
    {
        RtpReader rtp = default;
        bool isReadable = departure.Packet.Buffer is null || RtpReader.TryParse(departure.Packet.Buffer.Bytes, out rtp);
        if (isReadable)
        {
            departure.Subscription.Depart(in departure, in rtp, now);
        }

        departure.Packet.Buffer?.Release();
    }

    /// <summary>More comes than the path carries, and the queue is as long as it may be: one picture stands still rather than all come late.</summary>
    private void SkipLeastImportant(Instant now)
    {
        Subscription? least = null;
        foreach (Subscription video in _videos)
        {
            if (!video.Current.IsNone && (least is null || video.Demand.Priority < least.Demand.Priority))
            {
                least = video;
            }
        }

        if (least is not null)
        {
            TraceSkip(least, least.Current, now);
            least.SkipToKeyframe();
            _shard.Counters.Increment(SfuCounter.PacerSkips);
            DiscardSkipped();
        }
    }

    /// <summary>Takes out of the queues what will not be sent any more, so that the rest does not wait for it.</summary>
    private void DiscardSkipped()
    {
        for (PacketClass kind = PacketClass.Audio; kind <= PacketClass.Video; kind++)
        {
            for (int waiting = _pacer!.CountOf(kind); waiting > 0 && _pacer.TryRemove(kind, out Departure departure); waiting--)
            {
                if (departure.IsStale || !_pacer.TryEnqueue(kind, in departure, departure.WireBytes(PacketOverhead)))
                {
                    Release(in departure, Instant.Never);
                }
            }
        }
    }

    private bool TrySendPadding(int wanted, Instant now, out int sent)
    {
        sent = 0;
        foreach (Subscription video in _videos)
        {
            if (video.TrySendPadding(wanted, now, out sent))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gives back what waits.</summary>
    private void CloseAdaptation()
    {
        for (PacketClass kind = PacketClass.Audio; kind <= PacketClass.Video && _pacer is not null; kind++)
        {
            while (_pacer.TryRemove(kind, out Departure departure))
            {
                Release(in departure, Instant.Never);
            }
        }
    }
}
