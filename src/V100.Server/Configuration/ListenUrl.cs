using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace V100.Server.Configuration;

/// <summary>Where the control HTTP listens: <c>http://127.0.0.1:8080</c>, <c>https://[::]:443</c>, <c>http://localhost:8080</c>, <c>http://*:80</c>.</summary>
/// <param name="IsHttps">True for <c>https</c>.</param>
/// <param name="Host">As written: an address in URL form, <c>localhost</c> or <c>*</c>.</param>
/// <param name="Address">Null for <c>localhost</c> (both loopback addresses) and <c>*</c> (all).</param>
/// <param name="Port">0 picks a free one.</param>
internal sealed record ListenUrl(bool IsHttps, string Host, IPAddress? Address, int Port)
{
    public const string Allowed = "http:// or https://, then an IP address, localhost or *, then :port (0 picks a free one), and nothing more";

    public bool IsLoopback => Host == "localhost" || Address is not null && IPAddress.IsLoopback(Address);

    public static bool TryParse(string text, [NotNullWhen(true)] out ListenUrl? url)
    {
        url = null;
        bool isHttps = text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
        if (!isHttps && !text.StartsWith("http://", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        string rest = text[(isHttps ? 8 : 7)..].TrimEnd('/');
        int port = isHttps ? 443 : 80;
        int colon = rest.LastIndexOf(':');
        if (colon > rest.LastIndexOf(']'))
        {
            if (!int.TryParse(rest.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port > 65535)
            {
                return false;
            }

            rest = rest[..colon];
        }

        bool bracketed = rest.StartsWith('[') && rest.EndsWith(']');
        IPAddress? address = null;
        bool named = rest is "*" || rest.Equals("localhost", StringComparison.OrdinalIgnoreCase);
        if (!named && !(IPAddress.TryParse(bracketed ? rest[1..^1] : rest, out address) && bracketed == rest.Contains(':')))
        {
            return false;
        }

        url = new ListenUrl(isHttps, named ? rest.ToLowerInvariant() : rest, address, port);
        return true;
    }

    /// <summary>The address that a browser on this machine can open.</summary>
    public string BrowserUrl(int boundPort)
    {
        bool any = Host == "*" || Address is not null && (Address.Equals(IPAddress.Any) || Address.Equals(IPAddress.IPv6Any));
        return string.Create(CultureInfo.InvariantCulture, $"{(IsHttps ? "https" : "http")}://{(any ? "localhost" : Host)}:{boundPort}");
    }
}
