namespace V100.Net.Crypto;

/// <summary>Which side of the DTLS handshake this end is (RFC 8842, 5).</summary>
public enum DtlsRole
{
    Server,
    Client,
}
