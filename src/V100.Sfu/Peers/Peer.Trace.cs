using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;

namespace V100.Sfu.Peers;

/// <summary>Why the client is sent what it is sent, for whoever traces its session.</summary>
internal sealed partial class Peer
{
    /// <summary>An estimate that moved by less is noise.</summary>
    private const double TracedChange = 0.03;

    private long _tracedEstimateBps;
    private EstimateBound _tracedBound;
    private (LayerChoice Choice, AllocationReason Reason)[] _tracedChoices = [];

    private void TraceEstimate(Instant now)
    {
        if (Descriptor.TraceName is not { } name || _estimator is not { } estimator)
        {
            return;
        }

        BandwidthState state = estimator.State;
        long former = _tracedEstimateBps;
        if (state.Bound == _tracedBound && Math.Abs(estimator.EstimateBps - former) <= TracedChange * former)
        {
            return;
        }

        _tracedEstimateBps = estimator.EstimateBps;
        _tracedBound = state.Bound;
        Write(new Decision
        {
            Kind = DecisionKind.Estimate,
            Session = name,
            At = now,
            EstimateBps = estimator.EstimateBps,
            FormerEstimateBps = former == 0 ? null : former,
            Bandwidth = state,
            PacerWait = _pacer?.VideoWait,
        });
    }

    private void TraceProbe(ProbeCluster probe, Instant now)
    {
        if (Descriptor.TraceName is { } name)
        {
            Write(new Decision
            {
                Kind = DecisionKind.Probe,
                Session = name,
                At = now,
                EstimateBps = _estimator!.EstimateBps,
                Bandwidth = _estimator.State,
                Probe = probe,
            });
        }
    }

    /// <summary>Each subscription whose choice, or the reason of it, is another than before.</summary>
    private void TraceAllocation(AllocationSummary summary, long audioBps, Instant now)
    {
        if (Descriptor.TraceName is not { } name)
        {
            return;
        }

        if (_tracedChoices.Length != _videos.Length)
        {
            _tracedChoices = new (LayerChoice, AllocationReason)[_videos.Length];
            Array.Fill(_tracedChoices, (LayerChoice.None, AllocationReason.NoLayerActive));
        }

        for (int index = 0; index < _videos.Length; index++)
        {
            LayerDemand demand = _videos[index].Demand;
            (LayerChoice Choice, AllocationReason Reason) former = _tracedChoices[index];
            if (former == (demand.Choice, demand.Reason))
            {
                continue;
            }

            _tracedChoices[index] = (demand.Choice, demand.Reason);
            PublishedTrack? track = _videos[index].Source;
            Write(new Decision
            {
                Kind = DecisionKind.Allocation,
                Session = name,
                At = now,
                Track = track,
                From = TargetOf(former.Choice),
                To = TargetOf(demand.Choice),
                Reason = demand.Reason,
                EstimateBps = _estimator?.EstimateBps,
                AudioBps = audioBps,
                Summary = summary,
                Options = demand.Offered.ToArray(),
                Limits = demand.Constraints,
            });
        }
    }

    /// <summary>What one of the subscriptions is sent has changed.</summary>
    public void TraceSwitch(Subscription subscription, LayerTarget former, Instant now)
    {
        if (Descriptor.TraceName is { } name)
        {
            Write(new Decision
            {
                Kind = DecisionKind.Switch,
                Session = name,
                At = now,
                Track = subscription.Source,
                From = former,
                To = subscription.Current,
                Reason = subscription.Demand.Reason,
                EstimateBps = _estimator?.EstimateBps,
                PacerWait = _pacer?.VideoWait,
            });
        }
    }

    /// <summary>One of the subscriptions stands still until a keyframe.</summary>
    public void TraceSkip(Subscription subscription, LayerTarget former, Instant now)
    {
        if (Descriptor.TraceName is { } name)
        {
            Write(new Decision
            {
                Kind = DecisionKind.Skip,
                Session = name,
                At = now,
                Track = subscription.Source,
                From = former,
                To = LayerTarget.None,
                EstimateBps = _estimator?.EstimateBps,
                Bandwidth = _estimator?.State,
                PacerWait = _pacer?.VideoWait,
            });
        }
    }

    /// <summary>A keyframe of an encoding is asked for: by a subscription of this peer, or of the publisher that this peer is.</summary>
    public void TraceKeyframeRequest(PublishedTrack track, int encoding, Instant now)
    {
        if (Descriptor.TraceName is { } name)
        {
            Write(new Decision
            {
                Kind = DecisionKind.KeyframeRequest,
                Session = name,
                At = now,
                Track = track,
                To = new LayerTarget(encoding),
            });
        }
    }

    /// <summary>Other encodings of a track that this peer publishes are taken than before.</summary>
    public void TraceWish(PublishedTrack track, uint wanted, Instant now)
    {
        if (Descriptor.TraceName is { } name)
        {
            Write(new Decision
            {
                Kind = DecisionKind.Wish,
                Session = name,
                At = now,
                Track = track,
                Wanted = wanted,
            });
        }
    }

    private static LayerTarget TargetOf(LayerChoice choice) => choice.IsNone ? LayerTarget.None : new LayerTarget(choice.Encoding, choice.Spatial, choice.Temporal);

    // No closures before the name is known: a session that is not traced allocates nothing.
    private void Write(Decision decision)
    {
        if (!_shard.Trace.TryWrite(decision))
        {
            _shard.Counters.Increment(SfuCounter.TraceDropped);
        }
    }
}
