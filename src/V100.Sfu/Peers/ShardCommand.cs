namespace V100.Sfu.Peers;

public enum ShardCommandKind
{
    /// <summary>Look at what is wanted of <see cref="ShardCommand.Peer"/> and make it so. Safe to repeat.</summary>
    Synchronize,

    /// <summary>Fill <see cref="ShardCommand.Report"/> and complete it.</summary>
    Report,
}

/// <summary>A control request to the shard that owns a peer, through its mailbox.</summary>
public readonly record struct ShardCommand(ShardCommandKind Kind, PeerDescriptor Peer, PeerReport? Report = null);

/// <summary>What a shard tells the control plane of a peer that it owns.</summary>
public readonly record struct PeerEvent(PeerEventKind Kind, PeerDescriptor Peer, PeerCloseReason Reason);

public enum PeerEventKind
{
    /// <summary>ICE and DTLS are up: media can flow.</summary>
    Connected,

    /// <summary>
    /// What it is sent rests or goes on (<see cref="PeerDescriptor.GetPause"/>), or another of the encodings that it publishes is wanted. One at a time:
    /// the next comes after <see cref="PeerDescriptor.TakeAdapted"/>.
    /// </summary>
    Adapted,

    /// <summary>The peer is gone and holds nothing any more.</summary>
    Closed,
}
