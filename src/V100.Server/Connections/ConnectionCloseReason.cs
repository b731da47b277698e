namespace V100.Server.Connections;

/// <summary>Why a connection ended; the first reason counts.</summary>
internal enum ConnectionCloseReason
{
    /// <summary>It is open.</summary>
    None,

    /// <summary>The client ended its stream.</summary>
    Ended,

    /// <summary>The client's stream broke off.</summary>
    Reset,

    /// <summary>Too many connections in all.</summary>
    Limit,

    /// <summary>Too many connections from this source.</summary>
    AddressLimit,

    /// <summary>A trusted proxy that sent no good PROXY header.</summary>
    ProxyHeader,

    /// <summary>No whole PROXY header in time.</summary>
    ProxyTimeout,

    /// <summary>A TLS handshake that failed.</summary>
    Tls,

    /// <summary>No whole TLS handshake in time.</summary>
    TlsTimeout,

    /// <summary>No whole first message in time.</summary>
    FirstMessageTimeout,

    /// <summary>No further message in time, and nobody who keeps it open.</summary>
    IdleTimeout,

    /// <summary>Bytes that no message can begin with.</summary>
    Garbage,

    /// <summary>A client that does not read what is no media and must not be lost.</summary>
    Overflow,

    /// <summary>A write that the client did not take in time.</summary>
    StalledWrite,

    /// <summary>Whoever serves the connection ended it.</summary>
    Owner,

    /// <summary>The server stops.</summary>
    Stopping,
}
