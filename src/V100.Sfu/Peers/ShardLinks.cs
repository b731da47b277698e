using V100.Net;

namespace V100.Sfu.Peers;

/// <summary>The rings between the shards of one process.</summary>
public sealed class ShardLinks
{
    private readonly WorkerLinks<ShardMessage> _links;

    /// <param name="shardCount">At most <see cref="Forwarding.PublishedTrack.MaxShards"/>.</param>
    /// <param name="ringCapacity">Messages that one ring holds; a full ring refuses, and the writer drops and counts.</param>
    public ShardLinks(int shardCount, int ringCapacity = 4096)
    {
        _links = new WorkerLinks<ShardMessage>(shardCount, ringCapacity);
    }

    public int ShardCount => _links.Count;

    internal SpscRing<ShardMessage> Ring(int from, int to) => _links.Ring(from, to);
}
