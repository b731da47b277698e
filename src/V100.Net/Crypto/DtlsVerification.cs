using System.Runtime.InteropServices;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// Who the peer is: in WebRTC no authority says it but the fingerprint that came with the session description. The
/// certificate must be there, and its SHA-256 the expected one; who signed it and when it expires means nothing.
/// </summary>
internal static unsafe class DtlsVerification
{
    public static void Install(OpenSsl.SslContextHandle context)
    {
        OpenSsl.SSL_CTX_set_verify(context, OpenSsl.VerifyPeer | OpenSsl.VerifyFailIfNoPeerCertificate, 0);
        OpenSsl.SSL_CTX_set_cert_verify_callback(context, &OnVerify, null);
    }

    // RFC 8122 section 6.2: the endpoint must compare the fingerprint of the certificate that it got with those of the
    // description and terminate the session with bad_certificate if none matches.
    [UnmanagedCallersOnly]
    private static int OnVerify(nint storeContext, void* argument)
    {
        DtlsBio* state = DtlsBio.Of(OpenSsl.SslOf(storeContext));
        Span<byte> fingerprint = stackalloc byte[OpenSsl.Sha256Length];
        if (OpenSsl.TryFingerprint(storeContext, fingerprint) && ConstantTime.Equals(fingerprint, state->ExpectedFingerprint))
        {
            state->PeerMatched = true;
            return 1;
        }

        state->PeerMismatched = true;
        OpenSsl.X509_STORE_CTX_set_error(storeContext, OpenSsl.VerifyErrorCertificateRejected);
        return 0;
    }
}
