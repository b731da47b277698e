using System.Collections.Concurrent;
using V100.Net;
using V100.Sfu.Ice;

namespace V100.Sfu.Peers;

/// <summary>
/// What every shard must be able to find: the peer of a local ufrag, and the peer of a remote address that another
/// shard owns. Reads take no lock. Both tables are bounded by the sessions that the control plane admits, times the
/// ufrags (2) and the address pairs (see <see cref="IceLiteAgent"/>) of one.
/// </summary>
public sealed class PeerDirectory
{
    private readonly ConcurrentDictionary<IceUfrag, PeerDescriptor> _byUfrag = new();
    private readonly ConcurrentDictionary<TransportAddress, PeerDescriptor> _byAddress = new();

    public int UfragCount => _byUfrag.Count;
    public int AddressCount => _byAddress.Count;

    public bool TryAdd(IceUfrag ufrag, PeerDescriptor peer) => _byUfrag.TryAdd(ufrag, peer);

    public void Remove(IceUfrag ufrag) => _byUfrag.TryRemove(ufrag, out _);

    public bool TryFind(IceUfrag ufrag, out PeerDescriptor peer) => _byUfrag.TryGetValue(ufrag, out peer!);

    public bool TryFind(in TransportAddress remote, out PeerDescriptor peer) => _byAddress.TryGetValue(remote, out peer!);

    internal bool IsRegistered(in TransportAddress remote, PeerDescriptor peer) =>
        _byAddress.TryGetValue(remote, out PeerDescriptor? registered) && registered == peer;

    /// <summary>Called by the owner when a check from <paramref name="remote"/> was valid. The newest claim wins: a port may pass to another client.</summary>
    internal void Register(in TransportAddress remote, PeerDescriptor peer) => _byAddress[remote] = peer;

    internal void Unregister(in TransportAddress remote, PeerDescriptor peer) =>
        _byAddress.TryRemove(new KeyValuePair<TransportAddress, PeerDescriptor>(remote, peer));
}
