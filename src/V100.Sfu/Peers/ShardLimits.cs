namespace V100.Sfu.Peers;

/// <summary>The bounds of one shard. At a bound media is dropped and counted, and new peers are refused.</summary>
public sealed record ShardLimits
{
    /// <summary>Packet buffers, 2 KiB each: what retransmission caches may hold.</summary>
    public int MaxPacketBuffers { get; init; } = 256 * 1024;

    public int MaxPeers { get; init; } = 50_000;

    /// <summary>RTP and RTCP sources that one peer may show (RFC 3711 contexts).</summary>
    public int MaxSourcesPerPeer { get; init; } = 64;

    /// <summary>What a subscriber's path is held for before anything is known of it; probes try three and six times as much at once.</summary>
    public long StartBitrateBps { get; init; } = 600_000;
}
