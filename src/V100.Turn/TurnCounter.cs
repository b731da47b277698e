namespace V100.Turn;

/// <summary>
/// What a shard counts. Every message of a client and every packet of a peer has exactly one of the outcomes; the figures behind
/// them (bytes, allocations) come on top.
/// </summary>
public enum TurnCounter
{
    // Outcomes of requests: succeeded.
    BindingAnswered,
    AllocateSucceeded,
    AllocateRepeated,
    RefreshSucceeded,
    CreatePermissionSucceeded,
    ChannelBindSucceeded,

    /// <summary>A Connect that waits for its peer; its end is one of <see cref="PeerConnected"/> and <see cref="PeerConnectFailed"/>.</summary>
    ConnectStarted,
    ConnectionBindSucceeded,

    // Outcomes of requests: answered with an error.
    RejectedTryAlternate,
    RejectedBadRequest,
    RejectedUnauthenticated,
    RejectedForbidden,
    RejectedMobilityForbidden,
    RejectedUnknownAttribute,
    RejectedAllocationMismatch,
    RejectedStaleNonce,
    RejectedAddressFamily,
    RejectedWrongCredentials,
    RejectedTransport,
    RejectedPeerAddressFamily,
    RejectedConnectionExists,
    RejectedQuota,
    RejectedCapacity,

    /// <summary>An answer to an unproven address that the limiter kept back.</summary>
    SilencedByLimiter,

    /// <summary>Another shard owns the flow.</summary>
    HandedOver,

    // Outcomes of data.
    ChannelDataToPeer,
    SendToPeer,
    ToOwnMedia,
    ChannelDataToClient,
    DataToClient,
    IcmpToClient,

    // Outcomes of what goes nowhere.
    DroppedMalformed,
    DroppedFingerprint,

    /// <summary>A response, an indication that only servers send, or an unknown method.</summary>
    DroppedUnexpected,
    DroppedUnknownAttribute,
    DroppedNoAllocation,
    DroppedNoChannel,
    DroppedNoPermission,
    DroppedDeniedPeer,
    DroppedPeerAddressFamily,
    DroppedRateLimit,
    DroppedTooLong,

    /// <summary>The TTL or hop limit ends here (RFC 8656, 14).</summary>
    DroppedHopLimit,
    DroppedUnknownRelay,
    DroppedDetached,
    DroppedIcmp,

    /// <summary>A peer's connection that no permission allows, or one too many.</summary>
    PeerRefused,

    // Figures.
    BytesToPeer,
    BytesToClient,
    AllocationsCreated,
    AllocationsDeleted,
    AllocationsExpired,
    AllocationsMoved,
    PeerAccepted,
    PeerConnected,
    PeerConnectFailed,
    PeerConnectionsUnbound,
    CredentialsDerived,
}
