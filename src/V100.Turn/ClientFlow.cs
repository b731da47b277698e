using V100.Net;

namespace V100.Turn;

/// <summary>How a client talks to the server.</summary>
public enum ClientTransport : byte
{
    Udp,
    Tcp,

    /// <summary>TLS over TCP.</summary>
    Tls,

    /// <summary>DTLS over UDP.</summary>
    Dtls,
}

/// <summary>
/// The 5-tuple of RFC 8656, 3.2: a client's address, the address of this server that it talks to, and the transport. A stream or a
/// DTLS session has a number of its own besides, so that a later one from the same port is another flow.
/// </summary>
/// <param name="transport">How the client talks.</param>
/// <param name="client">The client's address, as the server sees it.</param>
/// <param name="server">The server's address: where answers must come from. Its port is the listener's.</param>
/// <param name="connectionId">0 for UDP; else unique over the life of the process, given by the driver.</param>
public readonly struct ClientFlow(ClientTransport transport, in TransportAddress client, in TransportAddress server, ulong connectionId = 0)
    : IEquatable<ClientFlow>
{
    public readonly TransportAddress Client = client;
    public readonly TransportAddress Server = server;
    public readonly ulong ConnectionId = connectionId;
    public readonly ClientTransport Transport = transport;

    /// <summary>Messages follow each other without borders: ChannelData is padded (RFC 8656, 12.5).</summary>
    public bool IsStream => Transport is ClientTransport.Tcp or ClientTransport.Tls;

    /// <summary>Nothing has proven yet that the client receives at its address.</summary>
    public bool IsSpoofable => Transport == ClientTransport.Udp;

    public bool Equals(ClientFlow other) =>
        Client == other.Client && ConnectionId == other.ConnectionId && Transport == other.Transport && Server == other.Server;

    public override bool Equals(object? obj) => obj is ClientFlow other && Equals(other);

    public override int GetHashCode() => Client.GetHashCode() ^ (int)(ConnectionId * 0x9E37_79B9) ^ (int)Transport << 28;

    public override string ToString() => $"{Client} {Transport} {Server}";

    public static bool operator ==(in ClientFlow left, in ClientFlow right) => left.Equals(right);
    public static bool operator !=(in ClientFlow left, in ClientFlow right) => !left.Equals(right);
}
