using V100.Net;

namespace V100.Turn;

/// <summary>
/// The 5-tuple of RFC 8656, 3.2: a client's address with its transport, and the address of this server that it talks to. A stream or
/// a DTLS session is part of the client's address, so that a later one from the same port is another flow.
/// </summary>
/// <param name="client">The client's address, as the server sees it; its protocol is how the client talks.</param>
/// <param name="server">The server's address: where answers must come from. Its port is the listener's.</param>
public readonly struct ClientFlow(in TransportAddress client, in TransportAddress server) : IEquatable<ClientFlow>
{
    public readonly TransportAddress Client = client;
    public readonly TransportAddress Server = server;

    public TransportProtocol Transport => Client.Protocol;

    /// <summary>Messages follow each other without borders: ChannelData is padded (RFC 8656, 12.5).</summary>
    public bool IsStream => Transport is TransportProtocol.Tcp or TransportProtocol.Tls;

    /// <summary>Nothing has proven yet that the client receives at its address.</summary>
    public bool IsSpoofable => Transport == TransportProtocol.Udp;

    public bool Equals(ClientFlow other) => Client == other.Client && Server == other.Server;

    public override bool Equals(object? obj) => obj is ClientFlow other && Equals(other);

    public override int GetHashCode() => Client.GetHashCode();

    public override string ToString() => $"{Client} {Server}";

    public static bool operator ==(in ClientFlow left, in ClientFlow right) => left.Equals(right);
    public static bool operator !=(in ClientFlow left, in ClientFlow right) => !left.Equals(right);
}
