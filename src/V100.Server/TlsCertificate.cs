using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using V100.Net.Crypto;
using V100.Server.Configuration;

namespace V100.Server;

/// <summary>The server certificate with its chain, which a reload replaces for connections to come.</summary>
internal sealed class TlsCertificate
{
    private const SslProtocols Versions = SslProtocols.Tls12 | SslProtocols.Tls13;

    // RFC 7443, 3.
    private static readonly SslApplicationProtocol Turn = new("stun.turn");
    private static readonly SslApplicationProtocol NatDiscovery = new("stun.nat-discovery");

    private volatile SslStreamCertificateContext _context;

    /// <summary>Throws <see cref="CryptographicException"/> where the files are no PEM, or do not belong together.</summary>
    public TlsCertificate(ServerOptions options)
    {
        _context = Load(options);
    }

    public bool TryReload(ServerOptions options, out string? error)
    {
        error = null;
        try
        {
            _context = Load(options);
        }
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            error = Explain(options, exception);
        }

        return error is null;
    }

    public static string Explain(ServerOptions options, Exception exception) =>
        $"V100:Tls:CertificatePath = \"{options.TlsCertificatePath}\": {exception.Message.ReplaceLineEndings(" ")}; allowed is a PEM chain whose leaf belongs to V100:Tls:KeyPath, with a key that OpenSSL takes";

    /// <summary>For HTTPS, and for STUN and TURN on the same port.</summary>
    public ValueTask<SslServerAuthenticationOptions> SelectAsync(TlsHandshakeCallbackContext context) =>
        ValueTask.FromResult(OptionsFor([SslApplicationProtocol.Http2, SslApplicationProtocol.Http11, Turn, NatDiscovery]));

    /// <summary>For STUN and TURN alone.</summary>
    public SslServerAuthenticationOptions StreamOptions => OptionsFor([Turn, NatDiscovery]);

    /// <summary>Whether the protocol that ALPN chose is STUN or TURN.</summary>
    public static bool IsStun(ReadOnlySpan<byte> protocol) => protocol.SequenceEqual(Turn.Protocol.Span) || protocol.SequenceEqual(NatDiscovery.Protocol.Span);

    private SslServerAuthenticationOptions OptionsFor(List<SslApplicationProtocol> protocols) => new()
    {
        ServerCertificateContext = _context,
        ApplicationProtocols = protocols,
        EnabledSslProtocols = Versions,
        AllowRenegotiation = false,
    };

    private static SslStreamCertificateContext Load(ServerOptions options)
    {
        X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(options.TlsCertificatePath!, options.TlsKeyPath);
        X509Certificate2Collection chain = [];
        chain.ImportFromPemFile(options.TlsCertificatePath!);
        if (DtlsServerContext.IsSupported)
        {
            // OpenSSL looks closer than the platform does before its first handshake. What it refuses must be refused before anything changes.
            using DtlsServerContext trial = new(File.ReadAllText(options.TlsCertificatePath!), File.ReadAllText(options.TlsKeyPath!));
        }

        return SslStreamCertificateContext.Create(leaf, chain, offline: true);
    }
}
