namespace V100.Sfu.Peers;

/// <summary>
/// What a shard counts. A packet that came is counted once as received (RTP, RTCP, DTLS, STUN) or dropped before that; a received RTP
/// packet is then forwarded or dropped for each of its subscribers, and once as dropped where nobody gets it. A handed over one is counted
/// so on the way, and again by the shard that it is handed to, or as dropped on the ring.
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

    /// <summary>SRTP that came before the handshake's end, or media for a subscriber whose handshake is not at its end.</summary>
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
