namespace V100.Sfu.Peers;

/// <summary>
/// What a shard counts. A packet that came is counted once as received (RTP, RTCP, DTLS, STUN) or dropped before that; a received RTP
/// packet is then forwarded or dropped for each of its subscribers, and once as dropped where nobody gets it.
/// </summary>
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
