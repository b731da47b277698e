using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;

namespace V100.Sfu.Peers;

public enum DecisionKind
{
    /// <summary>The estimate of the path moved by a few per cent, or is held by something else than before.</summary>
    Estimate,

    /// <summary>More than is known to fit is tried.</summary>
    Probe,

    /// <summary>A subscription is to be sent something else, or for another reason.</summary>
    Allocation,

    /// <summary>A subscription is sent something else from here on.</summary>
    Switch,

    /// <summary>A subscription is stopped until a keyframe, because its path does not carry it.</summary>
    Skip,

    /// <summary>A keyframe is needed: by a subscription, or asked of the publisher.</summary>
    KeyframeRequest,

    /// <summary>Other encodings of a track are taken by anybody than before.</summary>
    Wish,
}

/// <summary>One decision about a traced session, with the numbers that led to it. What does not belong to its kind is null, or its default.</summary>
public sealed record Decision
{
    public required DecisionKind Kind { get; init; }

    /// <summary><see cref="PeerDescriptor.TraceName"/>.</summary>
    public required string Session { get; init; }
    public required Instant At { get; init; }

    /// <summary>What is sent, or published.</summary>
    public PublishedTrack? Track { get; init; }

    /// <summary>Of the track: of an allocation the target, of a switch what is sent, of a keyframe request the encoding alone.</summary>
    public LayerTarget? From { get; init; }

    /// <inheritdoc cref="From"/>
    public LayerTarget? To { get; init; }

    public AllocationReason? Reason { get; init; }

    /// <summary>Null where there is no estimate: everything goes.</summary>
    public long? EstimateBps { get; init; }
    public long? FormerEstimateBps { get; init; }
    public BandwidthState? Bandwidth { get; init; }
    public ProbeCluster? Probe { get; init; }

    /// <summary>Of all video of the peer.</summary>
    public AllocationSummary? Summary { get; init; }

    /// <summary>What sound takes off the estimate first.</summary>
    public long? AudioBps { get; init; }

    /// <summary>What there was to choose from.</summary>
    public LayerOption[]? Options { get; init; }
    public LayerConstraints? Limits { get; init; }

    /// <summary>How long the video that waits in the pacer will take.</summary>
    public TimeSpan? PacerWait { get; init; }

    /// <summary>One bit for each encoding, in the order of the offer.</summary>
    public uint? Wanted { get; init; }
}
