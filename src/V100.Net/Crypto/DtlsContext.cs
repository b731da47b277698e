using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// What all DTLS-SRTP sessions of one certificate share: versions, suites, SRTP profiles, verification. Made once at start;
/// every worker makes its sessions from it.
/// </summary>
public sealed unsafe class DtlsContext : IDisposable
{
    /// <summary>In our order of preference: GCM with 128 bits costs the least per packet.</summary>
    private const string SrtpProfiles = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";

    /// <summary>A peer's certificates beyond this end the handshake; a self-signed one has about 1 kB.</summary>
    private const int MaxCertificateListLength = 16 * 1024;

    private readonly OpenSsl.SslContextHandle _handle;

    /// <exception cref="PlatformNotSupportedException">This machine has no OpenSSL 3.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">OpenSSL refuses the configuration, for the reason in the message.</exception>
    public DtlsContext(DtlsCertificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        Certificate = certificate;
        _handle = DtlsParameters.MakeContext();
        OpenSsl.SSL_CTX_ctrl(_handle, OpenSsl.ControlSetMaxCertificateList, MaxCertificateListLength, null);
        // The system's policy is for certificates that others vouch for; here a fingerprint does, and old clients hold 1,024-bit keys.
        OpenSsl.SSL_CTX_set_security_level(_handle, 1);
        UseCertificate(certificate);
        DtlsVerification.Install(_handle);
        Require(OpenSsl.SSL_CTX_set_tlsext_use_srtp(_handle, SrtpProfiles) == 0);
    }

    /// <summary>Whether this machine has the OpenSSL that DTLS needs.</summary>
    public static bool IsSupported => OpenSsl.SslAvailable;

    public DtlsCertificate Certificate { get; }

    internal OpenSsl.SslContextHandle Handle => _handle;

    public void Dispose() => _handle.Dispose();

    private void UseCertificate(DtlsCertificate certificate)
    {
        fixed (byte* der = certificate.CertificateDer)
        {
            Require(OpenSsl.SSL_CTX_use_certificate_ASN1(_handle, certificate.CertificateDer.Length, der) == 1);
        }

        fixed (byte* key = certificate.KeyDer)
        {
            Require(OpenSsl.SSL_CTX_use_PrivateKey_ASN1(OpenSsl.KeyTypeEc, _handle, key, certificate.KeyDer.Length) == 1);
        }
    }

    private void Require(bool succeeded) => DtlsParameters.Require(_handle, succeeded);
}
