using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Peers;

/// <summary>One stream of a peer, towards its client.</summary>
/// <param name="Track">What is played.</param>
/// <param name="Section">The media section it goes out on.</param>
/// <param name="Codec">Null before the first packet.</param>
/// <param name="Packets">Sent, without retransmissions.</param>
/// <param name="Bytes">Of RTP.</param>
/// <param name="BitrateBps">Over about the last second.</param>
/// <param name="Retransmitted">Packets sent again.</param>
/// <param name="Lost">By the client's last report, cumulative.</param>
/// <param name="FractionLost">By the client's last report, 0 to 1.</param>
/// <param name="Jitter">By the client's last report.</param>
public readonly record struct SentStreamReport(
    PublishedTrack Track, MediaSection Section, CodecKind? Codec, long Packets, long Bytes, long BitrateBps, long Retransmitted, int Lost, double FractionLost, TimeSpan Jitter);

/// <summary>
/// What the owning shard knows of a peer, filled on that shard's thread. The control plane derives from it to learn of
/// the completion; a peer that is gone completes it with <see cref="IsFilled"/> false.
/// </summary>
public abstract class PeerReport
{
    public bool IsFilled { get; internal set; }
    public TransportAddress Remote { get; internal set; }
    public TransportAddress Local { get; internal set; }
    public DtlsState? Dtls { get; internal set; }
    public SrtpProfile? SrtpProfile { get; internal set; }

    /// <summary>From the client's receiver reports; null before one came.</summary>
    public TimeSpan? RoundTrip { get; internal set; }

    /// <summary>What the path to the client carries; null where nothing estimates it.</summary>
    public long? EstimateBps { get; internal set; }
    public List<SentStreamReport> Sent { get; } = [];

    /// <summary>Called once, on a shard's thread: it must not block.</summary>
    protected internal abstract void Complete();
}
