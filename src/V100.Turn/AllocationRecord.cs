using System.Runtime.CompilerServices;
using V100.Net;

namespace V100.Turn;

/// <summary>
/// An allocation as the control plane sees it. The owning shard writes the figures, single words each; any thread reads them.
/// </summary>
public sealed class AllocationRecord
{
    private StrongBox<ClientFlow> _client;
    private long _expiresAt;
    private int _permissions;
    private int _channels;
    private int _connections;
    private long _packetsToPeer;
    private long _bytesToPeer;
    private long _packetsToClient;
    private long _bytesToClient;

    internal AllocationRecord(AllocationId id, string username, string user, in ClientFlow client, RelayTransport transport, Instant createdAt)
    {
        Id = id;
        Username = username;
        User = user;
        _client = new StrongBox<ClientFlow>(client);
        Transport = transport;
        CreatedAt = createdAt;
    }

    public AllocationId Id { get; }

    /// <summary>As on the wire: of a time-limited credential with its expiry.</summary>
    public string Username { get; }

    /// <summary>Whom the quotas count: of a time-limited credential what stands behind the expiry, if anything does.</summary>
    public string User { get; }

    /// <summary>Moves by RFC 8016.</summary>
    public ClientFlow Client => Volatile.Read(ref _client).Value;

    /// <summary>What runs to the peers.</summary>
    public RelayTransport Transport { get; }

    /// <summary>As peers see it.</summary>
    public TransportAddress Relayed { get; internal set; }

    /// <summary>The second one (ADDITIONAL-ADDRESS-FAMILY), or default.</summary>
    public TransportAddress AdditionalRelayed { get; internal set; }

    public Instant CreatedAt { get; }

    public Instant ExpiresAt
    {
        get => new(Volatile.Read(ref _expiresAt));
        internal set => Volatile.Write(ref _expiresAt, value.Nanoseconds);
    }

    /// <summary>Permissions at the last request that installed or refreshed one.</summary>
    public int Permissions
    {
        get => Volatile.Read(ref _permissions);
        internal set => Volatile.Write(ref _permissions, value);
    }

    /// <summary>Channels, as <see cref="Permissions"/>.</summary>
    public int Channels
    {
        get => Volatile.Read(ref _channels);
        internal set => Volatile.Write(ref _channels, value);
    }

    /// <summary>Connections to peers (RFC 6062).</summary>
    public int Connections
    {
        get => Volatile.Read(ref _connections);
        internal set => Volatile.Write(ref _connections, value);
    }

    public long PacketsToPeer => Volatile.Read(ref _packetsToPeer);

    /// <summary>Of payload, as <see cref="BytesToClient"/>.</summary>
    public long BytesToPeer => Volatile.Read(ref _bytesToPeer);
    public long PacketsToClient => Volatile.Read(ref _packetsToClient);
    public long BytesToClient => Volatile.Read(ref _bytesToClient);

    internal void MoveTo(in ClientFlow client) => Volatile.Write(ref _client, new StrongBox<ClientFlow>(client));

    internal void CountToPeer(int packets, int bytes)
    {
        Volatile.Write(ref _packetsToPeer, _packetsToPeer + packets);
        Volatile.Write(ref _bytesToPeer, _bytesToPeer + bytes);
    }

    internal void CountToClient(int packets, int bytes)
    {
        Volatile.Write(ref _packetsToClient, _packetsToClient + packets);
        Volatile.Write(ref _bytesToClient, _bytesToClient + bytes);
    }
}
