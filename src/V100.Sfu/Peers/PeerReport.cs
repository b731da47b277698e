using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Bwe;
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
/// <param name="Layers">Null for audio.</param>
public readonly record struct SentStreamReport(
    PublishedTrack Track, MediaSection Section, CodecKind? Codec, long Packets, long Bytes, long BitrateBps, long Retransmitted, int Lost, double FractionLost, TimeSpan Jitter,
    SentLayersReport? Layers);

/// <summary>What of a track's layers goes to the client, and why.</summary>
/// <param name="Current">What is sent.</param>
/// <param name="Target">What is to be sent.</param>
/// <param name="Reason">Why no more.</param>
/// <param name="TargetBps">What <paramref name="Target"/> takes of the path.</param>
/// <param name="Width">Of what is sent, in pixels; 0 while unknown.</param>
/// <param name="Height">Of what is sent, in pixels; 0 while unknown.</param>
/// <param name="FramesPerSecond">Of what is sent, over about the last second.</param>
public sealed record SentLayersReport(LayerTarget Current, LayerTarget Target, AllocationReason Reason, long TargetBps, int Width, int Height, double FramesPerSecond);

/// <summary>What is known of the path to the client, and what waits for it.</summary>
/// <param name="EstimateBps">What may be sent, all of it.</param>
/// <param name="AcknowledgedBps">What arrives, over the last half second; 0 while unknown.</param>
/// <param name="State">Why it is not more.</param>
/// <param name="PacerWait">How long the video that waits will take.</param>
public sealed record PathReport(long EstimateBps, long AcknowledgedBps, BandwidthState State, TimeSpan PacerWait);

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

    /// <summary>From the client's receiver reports, else from its feedback on the path; null before one came.</summary>
    public TimeSpan? RoundTrip { get; internal set; }
    /// <summary>Null where nothing is sent whose arrival the client reports.</summary>
    public PathReport? Path { get; internal set; }
    public List<SentStreamReport> Sent { get; } = [];

    /// <summary>Called once, on a shard's thread: it must not block.</summary>
    protected internal abstract void Complete();
}
