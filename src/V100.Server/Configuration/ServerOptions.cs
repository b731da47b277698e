using System.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;

namespace V100.Server.Configuration;

/// <summary>How V100 logs.</summary>
internal enum LogFormat
{
    Text,
    Json,
}

/// <summary>
/// The configuration as <see cref="OptionsReader"/> read it: every value is checked, every default is in.
/// Nobody writes to it afterwards; a reload makes a new one.
/// </summary>
internal sealed class ServerOptions
{
    public ListenUrl HttpUrl { get; set; } = null!;
    public List<string> AllowedOrigins { get; } = [];
    public int RequestsPerSecondPerKey { get; set; }
    public int RequestsPerSecondPerAddress { get; set; }
    public List<IPAddress> UdpAddresses { get; } = [];
    public int UdpPort { get; set; }
    public int UdpWorkers { get; set; }
    public UdpBackend UdpBackend { get; set; }
    public CipherBackend SrtpBackend { get; set; }
    public int UdpGatherMicroseconds { get; set; }
    public int UdpPollPacketsPerSecond { get; set; }
    public int TcpPort { get; set; }
    public List<IPNetwork> TcpTrustedProxies { get; } = [];
    public int TcpMaxConnections { get; set; }
    public int TcpMaxConnectionsPerAddress { get; set; }
    public int TcpHandshakeTimeoutSeconds { get; set; }
    public int TcpFirstMessageTimeoutSeconds { get; set; }
    public int TcpIdleTimeoutSeconds { get; set; }
    public int TcpWriteTimeoutSeconds { get; set; }
    public int TlsPort { get; set; }
    public string? TlsCertificatePath { get; set; }
    public string? TlsKeyPath { get; set; }

    /// <summary>What turns: URLs name; null for the addresses.</summary>
    public string? TlsHostName { get; set; }

    /// <summary>What candidates and ICE server URLs show; empty means what the interfaces have.</summary>
    public List<IPAddress> PublicAddresses { get; } = [];

    /// <summary>Key id to secret.</summary>
    public Dictionary<string, string> ApiKeys { get; } = new(StringComparer.Ordinal);

    public string TurnRealm { get; set; } = null!;
    public List<string> TurnSecrets { get; } = [];
    public Dictionary<string, string> TurnUsers { get; } = new(StringComparer.Ordinal);
    public List<IPAddress> TurnRelayAddresses { get; } = [];
    public int TurnRelayPortMin { get; set; }
    public int TurnRelayPortMax { get; set; }
    public List<IPNetwork> TurnAllowedPeers { get; } = [];
    public List<IPNetwork> TurnDeniedPeers { get; } = [];
    public int TurnMaxAllocations { get; set; }
    public int TurnMaxAllocationsPerUser { get; set; }
    public long TurnMaxBitsPerSecondPerUser { get; set; }
    public int TurnMaxPermissionsPerAllocation { get; set; }
    public int TurnMaxLifetimeSeconds { get; set; }
    public int TurnLastChannelNumber { get; set; }
    public bool TurnMobility { get; set; }
    public bool TurnTcpRelays { get; set; }
    public int TurnUnauthenticatedPerSecond { get; set; }
    public List<IPEndPoint> TurnAlternateServers { get; } = [];

    /// <summary>0 for no NAT discovery.</summary>
    public int StunDiscoveryPort { get; set; }

    public int MaxRooms { get; set; }
    public int MaxParticipantsPerRoom { get; set; }
    public int EmptyTimeoutSeconds { get; set; }

    /// <summary>Audio tracks of a room that go to its subscribers at a time; 0 for all.</summary>
    public int LoudestSpeakers { get; set; }
    public int MaxPublishersPerRoom { get; set; }
    public bool AutoCreateRooms { get; set; }

    /// <summary>Streams of events at a time.</summary>
    public int MaxEventStreams { get; set; }
    public int MaxEventStreamsPerRoom { get; set; }

    public List<Uri> WebhookUrls { get; } = [];
    public int WebhookMaxAgeSeconds { get; set; }

    /// <summary>The file of the store.</summary>
    public string StorePath { get; set; } = null!;
    public int UsageRetentionDays { get; set; }
    public int AuditRetentionDays { get; set; }
    public long AuditMaxEntries { get; set; }
    public int DrainTimeoutSeconds { get; set; }

    /// <summary>The session whose decisions are traced, <c>*</c> for all; null for none.</summary>
    public string? TraceSession { get; set; }

    /// <summary>A file, or <c>-</c>.</summary>
    public string TracePath { get; set; } = null!;

    public LogFormat LogFormat { get; set; }
    public LogLevel LogLevel { get; set; }
}
