using System.Globalization;
using System.Net;
using System.Text;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Server.Workers;
using V100.Turn;

namespace V100.Server.Configuration;

/// <summary>Every configuration key, in the order of <c>--help</c>.</summary>
internal static class OptionTable
{
    public const int MinApiSecretBytes = 32;
    private const int MaxWebhookUrls = 16;

    public static readonly OptionKey[] Keys =
    [
        new("V100:Http:Url", OptionShape.Value, "http://127.0.0.1:8080", ListenUrl.Allowed,
            "The control HTTP: API, WHIP, WHEP, metrics and the page. https needs V100:Tls:CertificatePath and :KeyPath.",
            (options, _, text) =>
            {
                bool parsed = ListenUrl.TryParse(text, out ListenUrl? url);
                options.HttpUrl = url!;
                return parsed;
            }),
        new("V100:Http:AllowedOrigins", OptionShape.List, "*", "*, or origins such as https://example.com",
            "Which web origins may call the API (CORS).",
            (options, _, text) => IsOrigin(text) && Add(options.AllowedOrigins, text)),
        Whole("V100:Http:RequestsPerSecondPerKey", "10000", 0, 1_000_000, "Requests with one API key and all its tokens, a second's worth at once; 0 sets no limit.",
            (options, value) => options.RequestsPerSecondPerKey = (int)value),
        Whole("V100:Http:RequestsPerSecondPerAddress", "5000", 0, 1_000_000,
            "Requests from one IPv4 address or one IPv6 /64, health checks aside, a second's worth at once; 0 sets no limit, as behind a proxy whose address all have.",
            (options, value) => options.RequestsPerSecondPerAddress = (int)value),
        Whole("V100:Udp:Port", "3478", 0, 65535, "STUN and all media over UDP; 0 picks a free port.", (options, value) => options.UdpPort = (int)value),
        Addresses("V100:Udp:Addresses", "all local addresses", "The addresses to listen on, for UDP and for V100:Tcp:Port.", options => options.UdpAddresses),
        Whole("V100:Udp:Workers", null, 1, UdpWorkerSet.MaxWorkers, "Worker threads for packets.", (options, value) => options.UdpWorkers = (int)value) with
        {
            DefaultNote = "number of cores",
        },
        Choice("V100:Udp:Backend", "auto", "How UDP sockets are driven: linux (epoll, batches), portable, or auto.",
            [("auto", UdpBackend.Auto), ("linux", UdpBackend.Linux), ("portable", UdpBackend.Portable)], (options, value) => options.UdpBackend = value),
        Choice("V100:Srtp:Backend", "auto", "What encrypts media: openssl, or auto, the processor's own instructions where it has them.",
            [("auto", CipherBackend.Auto), ("openssl", CipherBackend.OpenSsl)], (options, value) => options.SrtpBackend = value),
        Whole("V100:Udp:GatherMicroseconds", "100", 0, 1000,
            "How long a worker with more than 10,000 packets a second lets them gather before it handles them together, and a full one three times that; 0 never waits.",
            (options, value) => options.UdpGatherMicroseconds = (int)value),
        Whole("V100:Udp:PollPacketsPerSecond", "80000", 0, 10_000_000,
            "A worker with so many that come one by one does not sleep between them, for which it takes up to its whole core; 0 never.",
            (options, value) => options.UdpPollPacketsPerSecond = (int)value),
        Whole("V100:Tcp:Port", "3478", 0, 65535, "STUN, TURN and ICE over TCP; 0 picks a free port.", (options, value) => options.TcpPort = (int)value),
        Networks("V100:Tcp:TrustedProxies", "none", "Proxies that must send a PROXY header (version 1 or 2) on V100:Tcp:Port and V100:Tls:Port; nobody else may.",
            options => options.TcpTrustedProxies) with { ActsNow = true },
        Whole("V100:Tcp:MaxConnections", "20000", 1, 1_000_000, "Connections over TCP and TLS at a time, HTTP aside.", (options, value) => options.TcpMaxConnections = (int)value),
        Whole("V100:Tcp:MaxConnectionsPerAddress", "15000", 1, 1_000_000, "Of these, from one IPv4 address or one IPv6 /64.",
            (options, value) => options.TcpMaxConnectionsPerAddress = (int)value),
        Whole("V100:Tcp:HandshakeTimeoutSeconds", "10", 1, 3600, "For the PROXY header, and for the TLS handshake.", (options, value) => options.TcpHandshakeTimeoutSeconds = (int)value),
        Whole("V100:Tcp:FirstMessageTimeoutSeconds", "10", 1, 3600, "For the first message of a connection.", (options, value) => options.TcpFirstMessageTimeoutSeconds = (int)value),
        Whole("V100:Tcp:IdleTimeoutSeconds", "60", 1, 86400, "Between messages, while the client has neither an allocation nor a session.",
            (options, value) => options.TcpIdleTimeoutSeconds = (int)value),
        Whole("V100:Tcp:WriteTimeoutSeconds", "10", 1, 3600, "For a client to take 16 KiB.", (options, value) => options.TcpWriteTimeoutSeconds = (int)value),
        Whole("V100:Tls:Port", "5349", 0, 65535, "STUN over TLS, with a certificate; the port of an https V100:Http:Url serves it too, and may be the same.",
            (options, value) => options.TlsPort = (int)value),
        FilePath("V100:Tls:CertificatePath", "The certificate chain (PEM), for V100:Tls:Port and an https V100:Http:Url.", (options, value) => options.TlsCertificatePath = value),
        FilePath("V100:Tls:KeyPath", "The certificate's private key (PEM).", (options, value) => options.TlsKeyPath = value),
        new("V100:Tls:HostName", OptionShape.Value, null, "a host name",
            "The name in turns: URLs, as in the certificate.",
            (options, _, text) =>
            {
                options.TlsHostName = text;
                return Uri.CheckHostName(text) == UriHostNameType.Dns;
            })
        {
            DefaultNote = "the public addresses",
        },
        Addresses("V100:PublicAddresses", "the local addresses; loopback too while HTTP is on loopback", "What ICE candidates show to clients.",
            options => options.PublicAddresses),
        new("V100:ApiKeys", OptionShape.Map, null, "a key id of 1 to 64 visible characters without ':', and a secret of at least 32 bytes",
            "API key id and secret: they sign tokens and authenticate admin calls.",
            (options, name, text) => IsKeyId(name) && Encoding.UTF8.GetByteCount(text) >= MinApiSecretBytes && options.ApiKeys.TryAdd(name, text))
        {
            Secret = true,
            Placeholder = "key",
            DefaultNote = "a pair made at each start and printed, only while HTTP is on loopback",
        },
        Text("V100:Turn:Realm", "v100", 1, TurnCredentials.MaxRealmLength, "The realm of TURN's long-term credentials.", (options, value) => options.TurnRealm = value),
        new("V100:Turn:Secrets", OptionShape.List, null, "1 to 256 bytes each",
            "Shared secrets for time-limited credentials; the first one signs what /v1/ice-servers gives out.",
            (options, _, text) => Encoding.UTF8.GetByteCount(text) is >= 1 and <= 256 && Add(options.TurnSecrets, text))
        {
            Secret = true,
            DefaultNote = "one made at each start, while there are no V100:Turn:Users either",
        },
        new("V100:Turn:Users", OptionShape.Map, null, "a user name of 1 to 128 characters without ':', and a password of 1 to 256 bytes",
            "Long-term TURN users: name and password.",
            (options, name, text) => name.Length is >= 1 and <= 128 && !name.Contains(':', StringComparison.Ordinal)
                && Encoding.UTF8.GetByteCount(text) is >= 1 and <= 256 && options.TurnUsers.TryAdd(name, text)) { Secret = true },
        Addresses("V100:Turn:RelayAddresses", "V100:PublicAddresses without loopback", "The addresses of relay ports.", options => options.TurnRelayAddresses),
        Whole("V100:Turn:RelayPortMin", "49152", 1024, 65535, "The first relay port.", (options, value) => options.TurnRelayPortMin = (int)value),
        Whole("V100:Turn:RelayPortMax", "65535", 1024, 65535, "The last relay port.", (options, value) => options.TurnRelayPortMax = (int)value),
        Networks("V100:Turn:AllowedPeers", "none", "Peers that TURN may reach although they are denied.", options => options.TurnAllowedPeers),
        Networks("V100:Turn:DeniedPeers", "private, loopback, link-local, multicast and reserved ranges", "Peers that TURN must not reach, besides the built-in list.",
            options => options.TurnDeniedPeers),
        Whole("V100:Turn:MaxAllocations", "100000", 1, 10_000_000, "TURN allocations at a time.", (options, value) => options.TurnMaxAllocations = (int)value),
        Whole("V100:Turn:MaxAllocationsPerUser", "100", 1, 10_000_000, "TURN allocations of one user.",
            (options, value) => options.TurnMaxAllocationsPerUser = (int)value),
        Whole("V100:Turn:MaxBitsPerSecondPerUser", "0", 0, 1_000_000_000_000, "The relayed rate of one user; 0 sets no limit.",
            (options, value) => options.TurnMaxBitsPerSecondPerUser = value),
        Whole("V100:Turn:MaxPermissionsPerAllocation", "1024", 1, 65536, "Permissions of one allocation.",
            (options, value) => options.TurnMaxPermissionsPerAllocation = (int)value),
        Whole("V100:Turn:MaxLifetimeSeconds", "3600", 600, 86400, "How long an allocation lives without a refresh; time-limited credentials live as long.",
            (options, value) => options.TurnMaxLifetimeSeconds = (int)value),
        Choice("V100:Turn:ChannelNumbers", "rfc8656", "Which TURN channel numbers clients may bind: 0x4000 to 0x4FFF, or to 0x7FFF for clients of RFC 5766 (such as coturn's test client).",
            [("rfc8656", 0x4FFF), ("rfc5766", 0x7FFF)], (options, value) => options.TurnLastChannelNumber = value),
        Choice("V100:Turn:Mobility", "true", "Whether clients may move an allocation to another address (RFC 8016).",
            [("true", true), ("false", false)], (options, value) => options.TurnMobility = value),
        Choice("V100:Turn:TcpRelays", "true", "Whether TURN relays TCP connections besides datagrams (RFC 6062).",
            [("true", true), ("false", false)], (options, value) => options.TurnTcpRelays = value),
        Whole("V100:Turn:UnauthenticatedPerSecond", "200", 0, 1_000_000,
            "TURN answers without credentials, for each /24 or /56 and each worker, five seconds' worth at once; 0 sets no limit, which lets forged requests make a reflector of this server.",
            (options, value) => options.TurnUnauthenticatedPerSecond = (int)value),
        new("V100:Turn:AlternateServers", OptionShape.List, null, "addresses with a port, such as 192.0.2.1:3478 or [2001:db8::1]:3478",
            "Where new TURN clients are sent while this server drains (300); without one of the client's family they get 508.",
            (options, _, text) => IPEndPoint.TryParse(text, out IPEndPoint? server) && server.Port > 0 && Add(options.TurnAlternateServers, server)),
        Whole("V100:Stun:DiscoveryPort", null, 1, 65535,
            "A second UDP port, for NAT behaviour discovery (RFC 5780); needs two of V100:PublicAddresses of one family that are this machine's.",
            (options, value) => options.StunDiscoveryPort = (int)value) with { DefaultNote = "off" },
        Whole("V100:Rooms:MaxRooms", "100000", 1, 10_000_000, "Rooms at a time.", (options, value) => options.MaxRooms = (int)value),
        Whole("V100:Rooms:MaxParticipantsPerRoom", "3000", 1, 100_000, "Participants of one room, unless its creation says less.",
            (options, value) => options.MaxParticipantsPerRoom = (int)value),
        Whole("V100:Rooms:MaxPublishersPerRoom", "3000", 1, 100_000, "Participants of one room that publish.",
            (options, value) => options.MaxPublishersPerRoom = (int)value),
        Whole("V100:Rooms:EmptyTimeoutSeconds", "300", 0, 31_536_000, "How long a room without participants stays.",
            (options, value) => options.EmptyTimeoutSeconds = (int)value),
        Choice("V100:Rooms:AutoCreate", "true", "Whether the first WHIP or WHEP request of a room creates it.",
            [("true", true), ("false", false)], (options, value) => options.AutoCreateRooms = value),
        Whole("V100:Rooms:LoudestSpeakers", "0", 0, 64, "How many audio tracks of a room go to its subscribers at a time, the loudest; 0 sends all. Tracks without levels (RFC 6464), and who is played alone, are always sent.",
            (options, value) => options.LoudestSpeakers = (int)value),
        Whole("V100:Events:MaxStreams", "20000", 1, 1_000_000, "Clients of /v1/rooms/{room}/events at a time.", (options, value) => options.MaxEventStreams = (int)value),
        Whole("V100:Events:MaxStreamsPerRoom", "3000", 1, 1_000_000, "Of these, of one room.", (options, value) => options.MaxEventStreamsPerRoom = (int)value),
        new("V100:Webhooks:Urls", OptionShape.List, null, $"http:// or https:// URLs, at most {MaxWebhookUrls}", "Where events are posted, signed with the first of V100:ApiKeys.",
            (options, _, text) => options.WebhookUrls.Count < MaxWebhookUrls && Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && AddUrl(options, text)),
        Whole("V100:Webhooks:MaxAgeSeconds", "86400", 1, 2_592_000, "After which an event that a URL did not take is given up.",
            (options, value) => options.WebhookMaxAgeSeconds = (int)value),
        new("V100:Store:Path", OptionShape.Value, "v100-data/v100.db", "a file in a folder that this user may write to; both are made where they are not there",
            "The store (SQLite) of usage, audit and webhooks on their way; a path that is not absolute begins in the working directory.",
            (options, _, text) =>
            {
                options.StorePath = text;
                return text.Length > 0 && !text.Contains('\0', StringComparison.Ordinal);
            }),
        Whole("V100:Usage:RetentionDays", "400", 1, 36_500, "How long usage is kept.", (options, value) => options.UsageRetentionDays = (int)value),
        Whole("V100:Audit:RetentionDays", "90", 1, 36_500, "How long the audit is kept.", (options, value) => options.AuditRetentionDays = (int)value),
        Whole("V100:Audit:MaxEntries", "1000000", 1000, 1_000_000_000, "How many calls the audit keeps at most.", (options, value) => options.AuditMaxEntries = value),
        Whole("V100:Drain:TimeoutSeconds", "3600", 0, 604_800, "On SIGTERM: how long to wait for the last session to end.",
            (options, value) => options.DrainTimeoutSeconds = (int)value),
        Text("V100:Trace:Session", "none", 1, 64,
            "A session's id, or * for all: each decision about its layers is one line of JSON in V100:Trace:Path. A reload changes it.",
            (options, value) => options.TraceSession = value == "none" ? null : value),
        new("V100:Trace:Path", OptionShape.Value, "-", "- for standard output, or a file in a folder that exists; lines are added to it, up to 1 GiB",
            "Where V100:Trace:Session is written to.",
            (options, _, text) =>
            {
                options.TracePath = text;
                return text == "-" || text.Length > 0 && Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(text)));
            }),
        Choice("V100:Log:Format", "text", "How log lines look on the console.", [("text", LogFormat.Text), ("json", LogFormat.Json)],
            (options, value) => options.LogFormat = value),
        Choice("V100:Log:Level", "information", "The least level that is logged.",
            [("debug", LogLevel.Debug), ("information", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error)],
            (options, value) => options.LogLevel = value),
    ];

    private static OptionKey Whole(string name, string? defaultText, long min, long max, string description, Action<ServerOptions, long> set) => new(
        name, OptionShape.Value, defaultText, string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}"), description,
        (options, _, text) =>
        {
            bool parsed = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max;
            if (parsed)
            {
                set(options, value);
            }

            return parsed;
        });

    private static OptionKey Text(string name, string defaultText, int min, int max, string description, Action<ServerOptions, string> set) => new(
        name, OptionShape.Value, defaultText, string.Create(CultureInfo.InvariantCulture, $"{min} to {max} bytes of UTF-8"), description,
        (options, _, text) =>
        {
            set(options, text);
            int length = Encoding.UTF8.GetByteCount(text);
            return length >= min && length <= max && !text.Any(char.IsControl);
        });

    private static OptionKey Choice<T>(string name, string defaultText, string description, (string Text, T Value)[] choices, Action<ServerOptions, T> set) => new(
        name, OptionShape.Value, defaultText, string.Join(", ", Array.ConvertAll(choices, choice => choice.Text)), description,
        (options, _, text) =>
        {
            foreach ((string choice, T value) in choices)
            {
                if (choice.Equals(text, StringComparison.OrdinalIgnoreCase))
                {
                    set(options, value);
                    return true;
                }
            }

            return false;
        });

    private static OptionKey FilePath(string name, string description, Action<ServerOptions, string> set) => new(
        name, OptionShape.Value, null, "the path of a readable file", description,
        (options, _, text) =>
        {
            set(options, text);
            return File.Exists(text);
        });

    private static OptionKey Addresses(string name, string defaultNote, string description, Func<ServerOptions, List<IPAddress>> list) => new(
        name, OptionShape.List, null, "IPv4 and IPv6 addresses without a port", description,
        (options, _, text) => IPAddress.TryParse(text, out IPAddress? address)
            && (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || text.Count(symbol => symbol == '.') == 3)
            && Add(list(options), address))
    {
        DefaultNote = defaultNote,
    };

    private static OptionKey Networks(string name, string defaultNote, string description, Func<ServerOptions, List<IPNetwork>> list) => new(
        name, OptionShape.List, null, "CIDR ranges such as 10.0.0.0/8 or fd00::/8", description,
        (options, _, text) => IPNetwork.TryParse(text, out IPNetwork network) && Add(list(options), network))
    {
        DefaultNote = defaultNote,
    };

    private static bool Add<T>(List<T> list, T value)
    {
        list.Add(value);
        return true;
    }

    private static bool AddUrl(ServerOptions options, string text) => Add(options.WebhookUrls, new Uri(text));

    private static bool IsKeyId(string name) => name.Length is >= 1 and <= 64 && name.All(symbol => symbol is > ' ' and < (char)127 and not ':');

    // RFC 6454, 6.2: scheme, host and port, and nothing behind them.
    private static bool IsOrigin(string text) =>
        text == "*" || Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);
}
