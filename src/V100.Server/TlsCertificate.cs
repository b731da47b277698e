using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using V100.Server.Configuration;

namespace V100.Server;

/// <summary>The server certificate with its chain, which a reload replaces for connections to come.</summary>
internal sealed class TlsCertificate
{
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
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            error = Explain(options, exception);
        }

        return error is null;
    }

    public static string Explain(ServerOptions options, Exception exception) =>
        $"V100:Tls:CertificatePath = \"{options.TlsCertificatePath}\": {exception.Message.ReplaceLineEndings(" ")}; allowed is a PEM chain whose leaf belongs to V100:Tls:KeyPath";

    public ValueTask<SslServerAuthenticationOptions> SelectAsync(TlsHandshakeCallbackContext context) => ValueTask.FromResult(new SslServerAuthenticationOptions
    {
        ServerCertificateContext = _context,
        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
    });

    private static SslStreamCertificateContext Load(ServerOptions options)
    {
        X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(options.TlsCertificatePath!, options.TlsKeyPath);
        X509Certificate2Collection chain = [];
        chain.ImportFromPemFile(options.TlsCertificatePath!);
        return SslStreamCertificateContext.Create(leaf, chain, offline: true);
    }
}
