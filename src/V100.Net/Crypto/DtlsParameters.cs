using System.Security.Cryptography;
using System.Text;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>What every DTLS association here agrees to, whatever it is for: version, suites, groups, and no second handshake.</summary>
internal static unsafe class DtlsParameters
{
    /// <summary>Forward secrecy and AEAD alone: each browser, aiortc, GStreamer, pion and libwebrtc offer some of these.</summary>
    public const string CipherSuites =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
        + "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";

    private const string Groups = "X25519:P-256:P-384";

    /// <exception cref="PlatformNotSupportedException">This machine has no OpenSSL 3.</exception>
    /// <exception cref="CryptographicException">OpenSSL refuses the parameters, for the reason in the message.</exception>
    public static OpenSsl.SslContextHandle MakeContext()
    {
        if (!OpenSsl.SslAvailable)
        {
            throw new PlatformNotSupportedException("DTLS needs OpenSSL 3 (libssl.so.3), which this machine does not have.");
        }

        OpenSsl.SslContextHandle handle = OpenSsl.SSL_CTX_new(OpenSsl.DTLS_method());
        Require(handle, !handle.IsInvalid);
        Require(handle, OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.ControlSetMinProtocolVersion, OpenSsl.Dtls12Version, null) == 1);
        Require(handle, OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.ControlSetMaxProtocolVersion, OpenSsl.Dtls12Version, null) == 1);
        // Resumption would skip the certificate that a fingerprint vouches for; renegotiation could exchange it.
        OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.ControlSetSessionCacheMode, 0, null);
        OpenSsl.SSL_CTX_set_options(
            handle,
            OpenSsl.OptionNoTicket | OpenSsl.OptionNoRenegotiation | OpenSsl.OptionNoCompression
            | OpenSsl.OptionCipherServerPreference | OpenSsl.OptionNoQueryMtu);
        Require(handle, OpenSsl.SSL_CTX_set_cipher_list(handle, CipherSuites) == 1);
        fixed (byte* groups = Encoding.ASCII.GetBytes(Groups + '\0'))
        {
            Require(handle, OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.ControlSetGroupsList, 0, groups) == 1);
        }

        return handle;
    }

    /// <summary>Ends the context and says why, unless the call succeeded.</summary>
    public static void Require(OpenSsl.SslContextHandle handle, bool succeeded)
    {
        if (!succeeded)
        {
            string reason = OpenSsl.TakeErrorReason();
            handle.Dispose();
            throw new CryptographicException($"OpenSSL refuses the DTLS context: {reason}.");
        }
    }
}
