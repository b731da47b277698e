using System.Globalization;
using System.Net;
using V100.Server.Configuration;
using V100.Turn;

namespace V100.Server.Control;

/// <summary>
/// The STUN and TURN URLs that clients get, with credentials that expire. TURN stands in the list only where a shared
/// secret is configured.
/// </summary>
internal sealed class IceServers
{
    private readonly IReadOnlyList<IPAddress> _addresses;
    private readonly int _udpPort;
    private readonly int _ttlSeconds;
    private readonly string? _tlsHostName;
    private volatile TimeLimitedCredentials _credentials = new();

    public IceServers(ServerOptions options, IReadOnlyList<IPAddress> addresses, int udpPort)
    {
        _addresses = addresses;
        _udpPort = udpPort;
        _ttlSeconds = options.TurnMaxLifetimeSeconds;
        _tlsHostName = options.TlsHostName;
        Reload(options);
    }

    /// <summary>Known once the listener is bound.</summary>
    public int TcpPort { get; set; }

    /// <summary>The same; null without a certificate.</summary>
    public int? TlsPort { get; set; }

    public void Reload(ServerOptions options) => _credentials = new TimeLimitedCredentials([.. options.TurnSecrets]);

    public IceServerListView For(string identity, long nowUnixSeconds)
    {
        // RFC 7064: a stun URI has no transport.
        List<IceServerView> servers = [new([.. _addresses.Select(address => Uri("stun", address, _udpPort))], null, null)];
        TimeLimitedCredentials credentials = _credentials;
        long expires = nowUnixSeconds + _ttlSeconds;

        // An identity of many bytes does not fit a STUN username: it then shares the quota of those without a name.
        if (credentials.TryMake(identity, expires, out string username, out string password) || credentials.TryMake("", expires, out username, out password))
        {
            servers.Add(new IceServerView(
                [
                    .. _addresses.SelectMany(address => new[] { Uri("turn", address, _udpPort) + "?transport=udp", Uri("turn", address, TcpPort) + "?transport=tcp" }),
                    .. TlsUris(),
                ],
                username,
                password));
        }

        return new IceServerListView(servers, credentials.SecretCount > 0 ? _ttlSeconds : null);
    }

    /// <summary>RFC 7065. By name where there is one, since few certificates name addresses.</summary>
    private IEnumerable<string> TlsUris()
    {
        if (TlsPort is not { } port)
        {
            return [];
        }

        return _tlsHostName is not null
            ? [string.Create(CultureInfo.InvariantCulture, $"turns:{_tlsHostName}:{port}?transport=tcp")]
            : _addresses.Select(address => Uri("turns", address, port) + "?transport=tcp");
    }

    /// <summary>The same as Link header fields (RFC 9725, 4.6).</summary>
    public string[] LinksFor(string identity, long nowUnixSeconds)
    {
        // A header field carries ASCII: another identity gets a credential without its name.
        string user = identity.All(symbol => symbol is >= ' ' and < (char)127) ? identity : "";
        return
        [
            .. For(user, nowUnixSeconds).IceServers.SelectMany(server => server.Urls.Select(url => server.Username is null
                ? $"<{url}>; rel=\"ice-server\""
                : $"<{url}>; rel=\"ice-server\"; username={Quote(server.Username)}; credential={Quote(server.Credential!)}; credential-type=\"password\"")),
        ];
    }

    private static string Uri(string scheme, IPAddress address, int port) => string.Create(
        CultureInfo.InvariantCulture,
        $"{scheme}:{(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address)}:{port}");

    // RFC 9110, 5.6.4.
    private static string Quote(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
