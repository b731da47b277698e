using V100.Net;

namespace V100.Sfu.Peers;

/// <summary>The rings between the shards of one process, one for each ordered pair: each has one writer and one reader.</summary>
public sealed class ShardLinks
{
    private readonly SpscRing<ShardMessage>[] _rings;

    /// <param name="shardCount">At most <see cref="Forwarding.PublishedTrack.MaxShards"/>.</param>
    /// <param name="ringCapacity">Messages that one ring holds; a full ring refuses, and the writer drops and counts.</param>
    public ShardLinks(int shardCount, int ringCapacity = 4096)
    {
        ShardCount = shardCount;
        _rings = new SpscRing<ShardMessage>[shardCount * shardCount];
        for (int index = 0; index < _rings.Length; index++)
        {
            int from = index / shardCount;
            int to = index % shardCount;
            _rings[index] = new SpscRing<ShardMessage>(from == to ? 1 : ringCapacity);
        }
    }

    public int ShardCount { get; }

    internal SpscRing<ShardMessage> Ring(int from, int to) => _rings[from * ShardCount + to];
}
