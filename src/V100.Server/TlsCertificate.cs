using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
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

    private volatile Loaded _loaded;

    private TlsCertificate(Loaded loaded) => _loaded = loaded;

    /// <summary>Made of the files in one reading, so that the two can never differ.</summary>
    /// <param name="Streams">For TLS.</param>
    /// <param name="Datagrams">For DTLS; null where this machine has no OpenSSL.</param>
    private sealed record Loaded(SslStreamCertificateContext Streams, DtlsServerContext? Datagrams);

    /// <summary>Null without a certificate in the configuration.</summary>
    /// <exception cref="CryptographicException">The files are no PEM, or do not belong together.</exception>
    /// <exception cref="IOException">They cannot be read.</exception>
    public static TlsCertificate? From(ServerOptions options) => options.TlsCertificatePath is null ? null : new TlsCertificate(Load(options));

    public bool TryReload(ServerOptions options, out string? error)
    {
        error = null;
        try
        {
            _loaded = Load(options);
        }
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            error = Explain(options, exception);
        }

        return error is null;
    }

    public static string Explain(ServerOptions options, Exception exception) =>
        $"V100:Tls:CertificatePath = \"{options.TlsCertificatePath}\": {exception.Message.ReplaceLineEndings(" ")}; allowed is a PEM chain whose leaf belongs to V100:Tls:KeyPath, with a key that OpenSSL takes";

    /// <summary>For HTTPS, and for STUN and TURN on the same port.</summary>
    public SslServerAuthenticationOptions HttpsOptions => OptionsFor([SslApplicationProtocol.Http2, SslApplicationProtocol.Http11, Turn, NatDiscovery]);

    /// <summary>For STUN and TURN alone.</summary>
    public SslServerAuthenticationOptions StreamOptions => OptionsFor([Turn, NatDiscovery]);

    /// <summary>For STUN and TURN over DTLS; null where this machine has no OpenSSL.</summary>
    public DtlsServerContext? Datagrams => _loaded.Datagrams;

    /// <summary>Whether the protocol that ALPN chose is STUN or TURN.</summary>
    public static bool IsStun(ReadOnlySpan<byte> protocol) => protocol.SequenceEqual(Turn.Protocol.Span) || protocol.SequenceEqual(NatDiscovery.Protocol.Span);

    private SslServerAuthenticationOptions OptionsFor(List<SslApplicationProtocol> protocols) => new()
    {
        ServerCertificateContext = _loaded.Streams,
        ApplicationProtocols = protocols,
        EnabledSslProtocols = Versions,
        AllowRenegotiation = false,
    };

    private static Loaded Load(ServerOptions options)
    {
        string chainPem = File.ReadAllText(options.TlsCertificatePath!);
        string keyPem = File.ReadAllText(options.TlsKeyPath!);

        // OpenSSL looks closer than the platform does before its first handshake, and is asked first: what it refuses must be refused before
        // anything changes.
        DtlsServerContext? datagrams = DtlsServerContext.IsSupported ? new DtlsServerContext(chainPem, keyPem) : null;
        try
        {
            X509Certificate2 leaf = X509Certificate2.CreateFromPem(chainPem, keyPem);
            X509Certificate2Collection chain = [];
            chain.ImportFromPem(chainPem);
            return new Loaded(SslStreamCertificateContext.Create(leaf, chain, offline: true), datagrams);
        }
        catch (ArgumentException exception)
        {
            // So says the library of a key that is another certificate's.
            throw new CryptographicException(exception.Message, exception);
        }
    }
}
