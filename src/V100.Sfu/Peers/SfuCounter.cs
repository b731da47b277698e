namespace V100.Sfu.Peers;

/// <summary>
/// What a shard counts. Every datagram that is given to the shards ends once: as <see cref="RtcpReceived"/>, <see cref="DtlsReceived"/>,
/// <see cref="StunAnswered"/>, <see cref="StunRejected"/> or dropped, or, as media, as one copy for each of its subscribers, and each copy as
/// <see cref="RtpForwarded"/> or dropped. Whatever else is counted is a station on the way, or no end of anything that came.
/// </summary>
public enum SfuCounter
{
    /// <summary>RTP that was decrypted: a station, from which it goes to its subscribers or is dropped.</summary>
    RtpReceived,
    RtpReceivedBytes,

    /// <summary>Compound packets that were decrypted and understood.</summary>
    RtcpReceived,

    /// <summary>Copies that were sent when the packet came.</summary>
    RtpForwarded,

    /// <summary>Of <see cref="RtpForwarded"/> and <see cref="RtpForwardedLate"/>, without SRTP's own.</summary>
    RtpForwardedBytes,

    /// <summary>
    /// Copies that were sent from the cache when the keyframe to which they belong came after them, and frames of sound that were sent out of
    /// other packets' redundancy. No end: each ended before, mostly as <see cref="DroppedAwaitingKeyframe"/>, or the subscription was not there
    /// yet, or its packet has not come.
    /// </summary>
    RtpForwardedLate,

    /// <summary>Frames of sound that came in the redundancy of others alone, once for each shard that needed them. No end of a packet.</summary>
    AudioFramesRecovered,

    /// <summary>Packets that were sent again from the cache because a subscriber asked. No end: each was forwarded before.</summary>
    RtpRetransmitted,
    RtcpSent,
    StunAnswered,

    /// <summary>Checks that name a session here and are wrong, or come when it has closed or the shard is full.</summary>
    StunRejected,
    DtlsReceived,

    /// <summary>Sessions that ended since their handshake failed, or because OpenSSL had no memory for it. No end of a datagram.</summary>
    DtlsFailed,

    /// <summary>Datagrams put, or tried to put, into the ring of the shard that owns the session: a station. That shard counts their end.</summary>
    HandedOver,

    /// <summary>Messages, each for any number of packets.</summary>
    NacksSent,

    /// <summary>Messages, each for any number of packets.</summary>
    NacksReceived,

    /// <summary>Packets that a subscriber asked for and was not sent: never sent before, too old, or asked for too soon again.</summary>
    NacksUnanswered,
    KeyframesRequested,
    KeyframeRequestsReceived,

    /// <summary>From an address at which no session is.</summary>
    DroppedUnknownFlow,

    /// <summary>Checks for no session.</summary>
    DroppedUnknownUfrag,

    /// <summary>SRTP that came before the handshake's end, or media for a subscriber whose handshake is not at its end.</summary>
    DroppedBeforeKeys,
    DroppedMalformed,
    DroppedAuthentication,

    /// <summary>SRTP numbers that came before, or are too old to tell (RFC 3711, 3.3.2).</summary>
    DroppedReplay,

    /// <summary>SSRCs beyond <see cref="ShardLimits.MaxSourcesPerPeer"/>.</summary>
    DroppedTooManySources,

    /// <summary>SSRCs that belong to no track, or not to the track's source of now.</summary>
    DroppedUnknownSource,
    DroppedUnknownPayloadType,

    /// <summary>A packet of media that came before: as itself, or as a retransmission.</summary>
    DroppedDuplicate,

    /// <summary>Padding and probes, which say nothing to subscribers.</summary>
    DroppedPadding,

    /// <summary>The pool was at <see cref="ShardLimits.MaxPacketBuffers"/>.</summary>
    DroppedNoBuffer,

    /// <summary>What was for another shard and found its ring full: a datagram, a packet of media for all subscribers there, or a message.</summary>
    DroppedRingFull,

    /// <summary>Once for each packet that nobody gets, or that finds nobody any more on a shard to which it went.</summary>
    DroppedNoSubscriber,

    /// <summary>Once for each packet of audio that nobody gets because others in the room are louder.</summary>
    DroppedNotAmongLoudest,

    /// <summary>Once for each packet of a track that an administrator has muted.</summary>
    DroppedMuted,

    /// <summary>Once for each packet of a track that its participant may no longer publish.</summary>
    DroppedWithdrawn,

    /// <summary>Copies for a subscriber that has not agreed to the codec.</summary>
    DroppedCodecMismatch,

    /// <summary>Copies for a subscriber that needed a keyframe first. Some are sent yet: <see cref="RtpForwardedLate"/>.</summary>
    DroppedAwaitingKeyframe,

    /// <summary>Copies of an encoding or a layer that the subscriber does not get.</summary>
    DroppedLayer,

    /// <summary>Copies that waited for a path without room, and were overtaken by a new beginning of their subscription.</summary>
    DroppedPacerSkipped,

    /// <summary>Copies that found the queue of a path without room full.</summary>
    DroppedPacerFull,

    /// <summary>Times that a subscription was stopped until a keyframe because its path does not carry it. No end of a packet.</summary>
    PacerSkips,

    /// <summary>Packets of padding alone that were sent to learn what a path carries. No end of a packet.</summary>
    PaddingSent,

    /// <summary>Probes that the pacer began. No end of a packet.</summary>
    ProbesStarted,

    /// <summary>Times that a subscription went on with another encoding of its track. No end of a packet.</summary>
    EncodingSwitches,

    /// <summary>Times that a subscription went on with other layers of its encoding. No end of a packet.</summary>
    LayerSwitches,

    /// <summary>Times that a cached keyframe was sent to who began, so that nobody had to ask the publisher. No end of a packet.</summary>
    KeyframesReplayed,

    /// <summary>Decisions of traced sessions that found the trace full. No end of a packet.</summary>
    TraceDropped,

    /// <summary>Longer than a buffer, or with extensions beyond the longest header that is written.</summary>
    DroppedTooLong,

    PeersConnected,
    PeersClosed,
}
