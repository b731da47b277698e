namespace V100.Net.Crypto;

/// <summary>What becomes of a datagram at a DTLS server's port.</summary>
public enum DtlsVerdict
{
    /// <summary>Nothing: it belongs to no session and begins none.</summary>
    Drop,

    /// <summary>It is for the session of this client.</summary>
    Deliver,

    /// <summary>The response goes back to where it came from; nothing is kept.</summary>
    Answer,

    /// <summary>It begins a session, from an address that is the client's own; the session that was there has ended.</summary>
    Begin,
}
