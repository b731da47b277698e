namespace V100.Sfu.Peers;

/// <summary>What a shard counts. Every packet that came ends in exactly one of the received or dropped ones.</summary>
public enum SfuCounter
{
    RtpReceived,
    RtpReceivedBytes,
    RtcpReceived,
    RtpForwarded,
    RtpForwardedBytes,
    RtpRetransmitted,
    RtcpSent,
    StunAnswered,
    StunRejected,
    DtlsReceived,
    HandedOver,

    NacksSent,
    NacksReceived,
    NacksUnanswered,
    KeyframesRequested,
    KeyframeRequestsReceived,

    DroppedUnknownFlow,
    DroppedUnknownUfrag,
    DroppedBeforeKeys,
    DroppedMalformed,
    DroppedAuthentication,
    DroppedReplay,
    DroppedTooManySources,
    DroppedUnknownSource,
    DroppedUnknownPayloadType,
    DroppedDuplicate,
    DroppedPadding,
    DroppedNoBuffer,
    DroppedRingFull,
    DroppedNoSubscriber,
    DroppedCodecMismatch,
    DroppedAwaitingKeyframe,
    DroppedTooLong,

    PeersConnected,
    PeersClosed,
}
