using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>An address that relay sockets are bound to.</summary>
/// <param name="Local">What is bound; its port is not looked at.</param>
/// <param name="Shown">What clients and peers know it as; its port is not looked at. Differs behind a one-to-one NAT.</param>
public readonly record struct RelayAddress(TransportAddress Local, TransportAddress Shown)
{
    public RelayAddress(TransportAddress address)
        : this(address, address)
    {
    }
}

/// <summary>
/// What the operator wants of the TURN server. Nobody writes to it once it is in use; a reload makes a new one and gives it to
/// <see cref="TurnServer.Apply"/>. Relay addresses and ports, and the nonces' lifetime, keep what the server started with.
/// </summary>
public sealed class TurnSettings
{
    /// <summary>Realm, users and secrets.</summary>
    public required TurnCredentials Credentials { get; init; }

    /// <summary>Which peers may be reached.</summary>
    public required PeerPolicy Peers { get; init; }

    /// <summary>With none of a family, that family is answered by 440.</summary>
    public IReadOnlyList<RelayAddress> RelayAddresses { get; init; } = [];

    public int RelayPortMin { get; init; } = 49152;

    /// <summary>Inclusive.</summary>
    public int RelayPortMax { get; init; } = 65535;

    public int MaxAllocations { get; init; } = 100_000;
    public int MaxAllocationsPerUser { get; init; } = 100;

    /// <summary>Of payload, both ways together; 0 for no limit. Bursts of <see cref="TurnQuotas.Burst"/> pass.</summary>
    public long MaxBitsPerSecondPerUser { get; init; }

    /// <summary>Also the bound of its channels.</summary>
    public int MaxPermissionsPerAllocation { get; init; } = 1024;

    /// <summary>
    /// RFC 8656, 12 has 0x4FFF. Clients of RFC 5766 may take numbers up to 0x7FFF, which a server can let them where it speaks no QUIC
    /// on the same port (RFC 7983).
    /// </summary>
    public int LastChannelNumber { get; init; } = 0x4FFF;

    /// <summary>Connections to peers of one TCP allocation (RFC 6062), pending ones included.</summary>
    public int MaxConnectionsPerAllocation { get; init; } = 64;

    /// <summary>RFC 8656, 3.2 (LIFETIME): what is asked for is raised to the default of 600 s and lowered to this.</summary>
    public TimeSpan MaxLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>RFC 8016. Off: 405.</summary>
    public bool Mobility { get; init; } = true;

    /// <summary>RFC 6062. Off: 442.</summary>
    public bool TcpRelays { get; init; } = true;

    /// <summary>
    /// Where new allocations are sent while the server drains (300); of each family the first is used. With none of the client's
    /// family, the answer is 508.
    /// </summary>
    public IReadOnlyList<TransportAddress> AlternateServers { get; init; } = [];

    /// <summary>RFC 5780; null without a second address.</summary>
    public NatDiscovery? Discovery { get; init; }

    /// <summary>How long a client may use a nonce.</summary>
    public TimeSpan NonceLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Answers to requests of unproven addresses (UDP, no valid credentials), for each /24 or /56, per shard; 0 for no limit.
    /// Binding answers, which are hardly larger than what asks for them, do not count.
    /// </summary>
    public int UnauthenticatedAnswersPerSecond { get; init; } = 200;

    /// <summary>How many such answers may come at once.</summary>
    public int UnauthenticatedBurst { get; init; } = 1000;
}
