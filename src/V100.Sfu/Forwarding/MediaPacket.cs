using V100.Net;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// One published RTP packet on its way to the subscribers: plaintext that several shards read, and what the receiving
/// shard has already found out about it. A retransmission has been made into the original before.
/// </summary>
public readonly record struct MediaPacket
{
    public required PublishedTrack Track { get; init; }

    /// <summary>The RTP packet as decrypted; read only.</summary>
    public required PacketBuffer Buffer { get; init; }

    /// <summary>Of the section's <see cref="MediaSection.Encodings"/>.</summary>
    public required byte Encoding { get; init; }

    /// <summary>Counts the sources that the encoding has had: a client may change its SSRC. A new one starts at a keyframe, with numbers of its own.</summary>
    public required int Generation { get; init; }

    /// <summary>The publisher's sequence number with its rollovers (RFC 3711, 3.3.1).</summary>
    public required ExtendedSequence Sequence { get; init; }

    /// <summary>One of the codecs of <see cref="PublishedTrack.Section"/>.</summary>
    public required NegotiatedCodec Codec { get; init; }

    /// <summary>Of video: its place in the stream. The default for audio and for padding alone.</summary>
    public required PacketLayers Layers { get; init; }

    /// <summary>No payload: subscribers close the gap that it leaves.</summary>
    public required bool IsPaddingOnly { get; init; }

    /// <summary>Of audio: counts the times that the track went on after packets were left out because others were louder.</summary>
    public int Passage { get; init; }

    public required Instant ReceivedAt { get; init; }

    /// <summary>From the keyframe cache, for subscriptions that begin; it has come live before.</summary>
    public bool IsReplayed { get; init; }

    /// <summary>Of what is replayed: the timestamp of the newest frame.</summary>
    public uint ReplayedUpTo { get; init; }

    /// <summary>Of what is replayed: nothing that follows live belongs to it.</summary>
    public bool IsStill { get; init; }
}
