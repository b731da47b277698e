namespace V100.Net;

/// <summary>What carries the packets of a <see cref="TransportAddress"/> between this server and a client.</summary>
public enum TransportProtocol : byte
{
    Udp,
    Tcp,

    /// <summary>TLS over TCP.</summary>
    Tls,

    /// <summary>DTLS over UDP, as a carrier of STUN and TURN (RFC 7350); the DTLS of media is a packet over another protocol.</summary>
    Dtls,
}
