namespace V100.Server.Control;

/// <summary>A TURN allocation as the API shows it.</summary>
/// <param name="Id">For DELETE.</param>
/// <param name="User">Whom the quotas count.</param>
/// <param name="Username">As the client sent it.</param>
/// <param name="Transport">Between client and server: <c>udp</c>, <c>tcp</c>, <c>tls</c>, <c>dtls</c>.</param>
/// <param name="Client">The client's address and port, as this server sees them.</param>
/// <param name="Server">The address and port that the client talks to.</param>
/// <param name="RelayTransport">Between server and peers: <c>udp</c> or <c>tcp</c>.</param>
/// <param name="Relayed">The relayed address and port.</param>
/// <param name="AdditionalRelayed">Of the other family, where the client asked for both.</param>
/// <param name="AgeSeconds">Since it was made.</param>
/// <param name="ExpiresInSeconds">Without a refresh.</param>
/// <param name="Permissions">Peers that may send.</param>
/// <param name="Channels">Peers with a channel.</param>
/// <param name="Connections">To peers over TCP (RFC 6062).</param>
/// <param name="PacketsToPeers">Relayed so far.</param>
/// <param name="BytesToPeers">Payload relayed so far.</param>
/// <param name="PacketsToClient">Relayed so far.</param>
/// <param name="BytesToClient">Payload relayed so far.</param>
internal sealed record AllocationView(
    string Id,
    string User,
    string Username,
    string Transport,
    string Client,
    string Server,
    string RelayTransport,
    string Relayed,
    string? AdditionalRelayed,
    double AgeSeconds,
    double ExpiresInSeconds,
    int Permissions,
    int Channels,
    int Connections,
    long PacketsToPeers,
    long BytesToPeers,
    long PacketsToClient,
    long BytesToClient);

/// <param name="Allocations">One page.</param>
/// <param name="Count">Of all pages.</param>
/// <param name="Next">What <c>after</c> must be for the next page; null on the last one.</param>
internal sealed record AllocationListView(IReadOnlyList<AllocationView> Allocations, int Count, string? Next);

/// <summary>A peer that a client was refused.</summary>
/// <param name="AgeSeconds">How long ago.</param>
/// <param name="User">Who asked.</param>
/// <param name="Client">From where.</param>
/// <param name="Peer">For which address.</param>
/// <param name="Method">By which method.</param>
/// <param name="Reason">Why not, such as <c>denied_private</c>.</param>
internal sealed record DenialView(double AgeSeconds, string User, string Client, string Peer, string Method, string Reason);

internal sealed record DenialListView(IReadOnlyList<DenialView> Denials);
