using V100.Net;

namespace V100.Turn;

/// <summary>
/// A connection between a relayed address and a peer (RFC 6062): the value of CONNECTION-ID. The uppermost eight bits are the shard
/// that it belongs to. <c>default</c> is none.
/// </summary>
public readonly record struct PeerConnectionId(uint Value)
{
    public int Shard => (int)(Value >> 24);
}

public enum TurnOutputKind : byte
{
    /// <summary>Send <see cref="TurnOutput.Message"/>, one whole STUN message, to <see cref="TurnOutput.Flow"/>.</summary>
    SendToClient,

    /// <summary>
    /// Connect from the address and port of <see cref="TurnOutput.Relay"/> to <see cref="TurnOutput.Peer"/>; then call
    /// <see cref="TurnShard.HandlePeerConnected"/> or <see cref="TurnShard.HandlePeerClosed"/>. Do not read before <see cref="Splice"/>.
    /// </summary>
    ConnectPeer,

    /// <summary>
    /// From now on copy bytes both ways between the stream <see cref="TurnOutput.Flow"/> and <see cref="TurnOutput.Connection"/>, what
    /// the client sent behind its request included, no faster than <see cref="TurnOutput.Rate"/> allows; report with
    /// <see cref="TurnShard.HandleSpliced"/>. The answer to the request,
    /// which the route before this output carried, goes out first.
    /// </summary>
    Splice,

    /// <summary>Close <see cref="TurnOutput.Connection"/>, or give up connecting. It is not reported back.</summary>
    ClosePeer,

    /// <summary>Close the client's stream <see cref="TurnOutput.Flow"/> after what is queued for it. It is not reported back.</summary>
    CloseClient,
}

/// <summary>What a shard wants done besides the route that its method returned.</summary>
public readonly record struct TurnOutput(
    TurnOutputKind Kind,
    ClientFlow Flow,
    PeerConnectionId Connection = default,
    RelayId Relay = default,
    TransportAddress Peer = default,
    ReadOnlyMemory<byte> Message = default,
    UserRate? Rate = null);
