using V100.Net;
using V100.Sfu.Forwarding;

namespace V100.Sfu.Peers;

internal enum ShardMessageKind
{
    /// <summary>A published packet for the receiver's subscribers; carries one reference to its buffer.</summary>
    Media,

    /// <summary>The publisher's sender report of a track.</summary>
    SenderReport,

    /// <summary>A subscriber needs a keyframe; to the shard that receives the track.</summary>
    KeyframeRequest,

    /// <summary>A peer of the writer has shown a valid check from an address that a peer of the receiver had.</summary>
    AddressTaken,

    /// <summary>A datagram that came to another shard than its peer's owner; carries one reference to its buffer.</summary>
    Datagram,
}

/// <summary>What one shard tells another through their ring.</summary>
internal readonly record struct ShardMessage
{
    public required ShardMessageKind Kind { get; init; }
    public PublishedTrack? Track { get; init; }

    /// <summary>Of a keyframe request.</summary>
    public int Encoding { get; init; }

    /// <summary>Of a keyframe request: the shard on which somebody begins, or -1.</summary>
    public int BeginsOn { get; init; }
    public MediaPacket Media { get; init; }
    public SourceClock Clock { get; init; }
    public PacketBuffer? Buffer { get; init; }
    public TransportAddress Remote { get; init; }
    public TransportAddress Local { get; init; }
}
