using System.Text;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// What all DTLS sessions of one certificate share: versions, suites, SRTP profiles, verification. Made once at start;
/// every worker makes its sessions from it.
/// </summary>
public sealed unsafe class DtlsContext : IDisposable
{
    /// <summary>Forward secrecy and AEAD alone: each browser, aiortc, GStreamer, pion and libwebrtc offer some of these.</summary>
    private const string CipherSuites =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
        + "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";

    /// <summary>In our order of preference: GCM with 128 bits costs the least per packet.</summary>
    private const string SrtpProfiles = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";

    private const string Groups = "X25519:P-256:P-384";

    /// <summary>A peer's certificates beyond this end the handshake; a self-signed one has about 1 kB.</summary>
    private const int MaxCertificateListLength = 16 * 1024;

    private readonly OpenSsl.SslContextHandle _handle;

    /// <exception cref="PlatformNotSupportedException">This machine has no OpenSSL 3.</exception>
    /// <exception cref="InvalidOperationException">OpenSSL refuses the configuration, for the reason in the message.</exception>
    public DtlsContext(DtlsCertificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        if (!IsSupported)
        {
            throw new PlatformNotSupportedException("DTLS needs OpenSSL 3 (libssl.so.3), which this machine does not have.");
        }

        Certificate = certificate;
        _handle = OpenSsl.SSL_CTX_new(OpenSsl.DTLS_method());
        Require(!_handle.IsInvalid);
        RestrictProtocol();
        UseCertificate(certificate);
        DtlsVerification.Install(_handle);
        Require(OpenSsl.SSL_CTX_set_tlsext_use_srtp(_handle, SrtpProfiles) == 0);
    }

    /// <summary>Whether this machine has the OpenSSL that DTLS needs.</summary>
    public static bool IsSupported => OpenSsl.SslAvailable;

    public DtlsCertificate Certificate { get; }

    internal OpenSsl.SslContextHandle Handle => _handle;

    public void Dispose() => _handle.Dispose();

    private void RestrictProtocol()
    {
        Require(OpenSsl.SSL_CTX_ctrl(_handle, OpenSsl.ControlSetMinProtocolVersion, OpenSsl.Dtls12Version, null) == 1);
        Require(OpenSsl.SSL_CTX_ctrl(_handle, OpenSsl.ControlSetMaxProtocolVersion, OpenSsl.Dtls12Version, null) == 1);
        // Resumption would skip the certificate that the fingerprint vouches for; renegotiation could exchange it.
        OpenSsl.SSL_CTX_ctrl(_handle, OpenSsl.ControlSetSessionCacheMode, 0, null);
        OpenSsl.SSL_CTX_set_options(
            _handle,
            OpenSsl.OptionNoTicket | OpenSsl.OptionNoRenegotiation | OpenSsl.OptionNoCompression
            | OpenSsl.OptionCipherServerPreference | OpenSsl.OptionNoQueryMtu);
        OpenSsl.SSL_CTX_ctrl(_handle, OpenSsl.ControlSetMaxCertificateList, MaxCertificateListLength, null);
        // The system's policy is for certificates that others vouch for; here a fingerprint does, and old clients hold 1,024-bit keys.
        OpenSsl.SSL_CTX_set_security_level(_handle, 1);
        Require(OpenSsl.SSL_CTX_set_cipher_list(_handle, CipherSuites) == 1);
        fixed (byte* groups = Encoding.ASCII.GetBytes(Groups + '\0'))
        {
            Require(OpenSsl.SSL_CTX_ctrl(_handle, OpenSsl.ControlSetGroupsList, 0, groups) == 1);
        }
    }

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

    private void Require(bool succeeded)
    {
        if (!succeeded)
        {
            string reason = OpenSsl.TakeErrorReason();
            _handle.Dispose();
            throw new InvalidOperationException($"OpenSSL refuses the DTLS context: {reason}.");
        }
    }
}
