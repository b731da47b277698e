using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using V100.Server.Configuration;

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
    private volatile string? _secret;

    public IceServers(ServerOptions options, IReadOnlyList<IPAddress> addresses, int udpPort)
    {
        _addresses = addresses;
        _udpPort = udpPort;
        _ttlSeconds = options.TurnMaxLifetimeSeconds;
        Reload(options);
    }

    /// <summary>Known once the listener is bound.</summary>
    public int TcpPort { get; set; }

    public void Reload(ServerOptions options) => _secret = options.TurnSecrets.Count > 0 ? options.TurnSecrets[0] : null;

    public IceServerListView For(string identity, long nowUnixSeconds)
    {
        // RFC 7064: a stun URI has no transport.
        List<IceServerView> servers = [new([.. _addresses.Select(address => Uri("stun", address, _udpPort))], null, null)];
        if (_secret is string secret)
        {
            (string username, string password) = Credential(secret, nowUnixSeconds + _ttlSeconds, identity);
            servers.Add(new IceServerView(
                [.. _addresses.SelectMany(address => new[] { Uri("turn", address, _udpPort) + "?transport=udp", Uri("turn", address, TcpPort) + "?transport=tcp" })],
                username,
                password));
        }

        return new IceServerListView(servers, _secret is null ? null : _ttlSeconds);
    }

    /// <summary>The same as Link header fields (RFC 9725, 4.6).</summary>
    public string[] LinksFor(string identity, long nowUnixSeconds) =>
    [
        .. For(identity, nowUnixSeconds).IceServers.SelectMany(server => server.Urls.Select(url => server.Username is null
            ? $"<{url}>; rel=\"ice-server\""
            : $"<{url}>; rel=\"ice-server\"; username={Quote(server.Username)}; credential={Quote(server.Credential!)}; credential-type=\"password\"")),
    ];

    // draft-uberti-behave-turn-rest-00, 2.2: the name begins with its expiry; the password is an HMAC-SHA1 of the name.
    private static (string Username, string Password) Credential(string secret, long expiresUnixSeconds, string identity)
    {
        string expiry = expiresUnixSeconds.ToString(CultureInfo.InvariantCulture);
        string username = identity.Length == 0 ? expiry : expiry + ":" + identity;
#pragma warning disable CA5350 // The scheme fixes the hash.
        byte[] password = HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(username));
#pragma warning restore CA5350
        return (username, Convert.ToBase64String(password));
    }

    private static string Uri(string scheme, IPAddress address, int port) => string.Create(
        CultureInfo.InvariantCulture,
        $"{scheme}:{(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address)}:{port}");

    // RFC 9110, 5.6.4. A header field carries ASCII; other letters of an identity have no place in it.
    private static string Quote(string text) =>
        "\"" + string.Concat(text.Select(symbol => symbol is '"' or '\\' ? "\\" + symbol : symbol is >= ' ' and < (char)127 ? symbol.ToString() : "?")) + "\"";
}
