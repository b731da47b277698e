using V100.Net;
using V100.Turn;

namespace V100.Server.Workers;

internal enum TurnMessageKind : byte
{
    /// <summary>A message of a client whose flow the receiver owns.</summary>
    FromClient,

    /// <summary>The stream or DTLS session of such a client ended; without a buffer.</summary>
    ClientClosed,

    /// <summary>A packet that this server's media sends to a relayed address of the receiver.</summary>
    FromMedia,
}

/// <summary>What one worker's relay tells another's. Whoever reads it releases the buffer.</summary>
internal readonly record struct TurnMessage(TurnMessageKind Kind, PacketBuffer? Buffer, ClientFlow Flow, RelayId Relay, TransportAddress Peer, IpFields Fields = default);
