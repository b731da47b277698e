using V100.Net;

namespace V100.Turn;

internal enum PeerConnectionState : byte
{
    Connecting,

    /// <summary>It stands, and waits for the client's ConnectionBind.</summary>
    Unbound,
    Spliced,
}

/// <summary>A TCP connection between a relayed address and a peer, and the client's data connection to it (RFC 6062).</summary>
internal sealed class PeerConnection
{
    /// <summary>RFC 6062, 5.2: at least 30 s for the connection; 5.4: as long for the client to bind it.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    public PeerConnection(PeerConnectionId id, Allocation allocation, in TransportAddress peer, PeerConnectionState state)
    {
        Id = id;
        Allocation = allocation;
        Peer = peer;
        State = state;
        Timer = new TimerNode(this);
    }

    public readonly PeerConnectionId Id;
    public readonly Allocation Allocation;
    public readonly TransportAddress Peer;
    public readonly TimerNode Timer;
    public PeerConnectionState State;

    /// <summary>Of the Connect that waits for its answer, and how that is sealed.</summary>
    public TransactionId Transaction;
    public CredentialKey? Key;
    public bool SealsWithSha256;

    /// <summary>The client's data connection, once spliced.</summary>
    public ClientFlow DataFlow;
}
