using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace V100.Net.Crypto;

/// <summary>
/// The certificate that this process shows in DTLS: ECDSA P-256, self-signed, made at start. Nobody verifies it but by
/// its fingerprint, which the peer gets with the session description (RFC 8122).
/// </summary>
public sealed class DtlsCertificate
{
    private readonly byte[] _certificateDer;
    private readonly byte[] _keyDer;
    private readonly byte[] _fingerprintSha256;

    private DtlsCertificate(byte[] certificateDer, byte[] keyDer)
    {
        _certificateDer = certificateDer;
        _keyDer = keyDer;
        _fingerprintSha256 = SHA256.HashData(certificateDer);
        Fingerprint = BitConverter.ToString(_fingerprintSha256).Replace('-', ':');
    }

    /// <summary>The SHA-256 fingerprint as <c>a=fingerprint:sha-256</c> writes it: "AB:CD:…".</summary>
    public string Fingerprint { get; }

    public ReadOnlySpan<byte> FingerprintSha256 => _fingerprintSha256;

    internal ReadOnlySpan<byte> CertificateDer => _certificateDer;

    /// <summary>The private key in PKCS #8.</summary>
    internal ReadOnlySpan<byte> KeyDer => _keyDer;

    /// <summary>Makes a key and a certificate that is valid from yesterday, for clients whose clock is late, for ten years.</summary>
    public static DtlsCertificate Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=V100", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        return new DtlsCertificate(certificate.RawData, key.ExportPkcs8PrivateKey());
    }
}
