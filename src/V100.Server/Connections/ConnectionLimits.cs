using V100.Server.Configuration;

namespace V100.Server.Connections;

/// <summary>What bounds the connections of clients, in number and in time.</summary>
internal sealed record ConnectionLimits
{
    /// <summary>Open at a time; one more is closed at once.</summary>
    public int MaxConnections { get; init; } = 20_000;

    /// <summary>Open at a time from one source: an IPv4 address, or an IPv6 /64.</summary>
    public int MaxConnectionsPerAddress { get; init; } = 15_000;

    /// <summary>For the PROXY header, and again for the TLS handshake.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan FirstMessageTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between messages, until the owner says <see cref="ClientConnection.KeepOpen"/>.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For each write of at most <see cref="ClientConnection.MaxWriteBytes"/> bytes.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public static ConnectionLimits From(ServerOptions options) => new()
    {
        MaxConnections = options.TcpMaxConnections,
        MaxConnectionsPerAddress = options.TcpMaxConnectionsPerAddress,
        HandshakeTimeout = TimeSpan.FromSeconds(options.TcpHandshakeTimeoutSeconds),
        FirstMessageTimeout = TimeSpan.FromSeconds(options.TcpFirstMessageTimeoutSeconds),
        IdleTimeout = TimeSpan.FromSeconds(options.TcpIdleTimeoutSeconds),
        WriteTimeout = TimeSpan.FromSeconds(options.TcpWriteTimeoutSeconds),
    };
}
