using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// What all sessions of a DTLS server share whose clients know it by its certificate and show none themselves: STUN and TURN
/// over DTLS (RFC 7350). Made at start and, with another certificate, at a reload: a session keeps what it was made from.
/// Every worker makes its sessions from it.
/// </summary>
public sealed unsafe class DtlsServerContext : IDisposable
{
    // RFC 8489 section 6.2.3: TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 MUST be implemented beside that with ECDHE. Last, since it costs the most.
    private const string CipherSuites = DtlsParameters.CipherSuites + ":DHE-RSA-AES128-GCM-SHA256";

    /// <summary>
    /// RFC 7443 section 3, the wider one first: whoever may use TURN may use a Binding. Each after a byte of its length.
    /// </summary>
    private static ReadOnlySpan<byte> ApplicationProtocols => "\x09stun.turn\x12stun.nat-discovery"u8;

    private readonly OpenSsl.SslContextHandle _handle;

    /// <param name="certificateChainPem">The server's certificate first, then those that vouch for it, in their order.</param>
    /// <param name="keyPem">Its private key, RSA or ECDSA, in PKCS #8, PKCS #1 or SEC 1, not encrypted.</param>
    /// <exception cref="PlatformNotSupportedException">This machine has no OpenSSL 3.</exception>
    /// <exception cref="CryptographicException">
    /// The texts are no PEM, the key is not the certificate's, or OpenSSL refuses the certificate (a key that is too short, say), for the reason in the message.
    /// </exception>
    public DtlsServerContext(ReadOnlySpan<char> certificateChainPem, ReadOnlySpan<char> keyPem)
    {
        using X509Certificate2 leaf = ReadLeaf(certificateChainPem, keyPem);
        X509Certificate2Collection chain = [];
        chain.ImportFromPem(certificateChainPem);
        _handle = DtlsParameters.MakeContext();
        Require(OpenSsl.SSL_CTX_set_cipher_list(_handle, CipherSuites) == 1);
        // A group of RFC 7919 or RFC 3526 that is as strong as the certificate's key.
        Require(OpenSsl.SSL_CTX_ctrl(_handle, OpenSsl.ControlSetDhAuto, 1, null) == 1);
        UseCertificate(leaf);
        foreach (X509Certificate2 certificate in chain)
        {
            bool isLeaf = certificate.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span);
            Require(isLeaf || OpenSsl.TryAddChainCertificate(_handle, certificate.RawDataMemory.Span));
            certificate.Dispose();
        }

        OpenSsl.SSL_CTX_set_alpn_select_cb(_handle, &OnSelectProtocol, null);
        OpenSsl.SSL_CTX_set_cookie_verify_cb(_handle, &OnVerifyCookie);
    }

    /// <summary>Whether this machine has the OpenSSL that DTLS needs.</summary>
    public static bool IsSupported => OpenSsl.SslAvailable;

    internal OpenSsl.SslContextHandle Handle => _handle;

    public void Dispose() => _handle.Dispose();

    private static X509Certificate2 ReadLeaf(ReadOnlySpan<char> certificateChainPem, ReadOnlySpan<char> keyPem)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificateChainPem, keyPem);
        }
        catch (ArgumentException exception)
        {
            // So says the library of a key that is another certificate's.
            throw new CryptographicException(exception.Message, exception);
        }
    }

    private void UseCertificate(X509Certificate2 leaf)
    {
        ReadOnlySpan<byte> certificate = leaf.RawDataMemory.Span;
        fixed (byte* der = certificate)
        {
            Require(OpenSsl.SSL_CTX_use_certificate_ASN1(_handle, certificate.Length, der) == 1);
        }

        using RSA? rsa = leaf.GetRSAPrivateKey();
        using ECDsa? ecdsa = rsa is null ? leaf.GetECDsaPrivateKey() : null;
        byte[] key = rsa?.ExportPkcs8PrivateKey() ?? ecdsa?.ExportPkcs8PrivateKey() ?? [];
        fixed (byte* der = key)
        {
            int type = rsa is null ? OpenSsl.KeyTypeEc : OpenSsl.KeyTypeRsa;
            bool taken = OpenSsl.SSL_CTX_use_PrivateKey_ASN1(type, _handle, der, key.Length) == 1;
            CryptographicOperations.ZeroMemory(key);
            Require(taken && OpenSsl.SSL_CTX_check_private_key(_handle) == 1);
        }
    }

    // RFC 7301 section 3.2: a server that supports none of the protocols that the client offers ends the handshake by
    // no_application_protocol. A client that offers none is not asked (RFC 7443 makes the extension optional).
    [UnmanagedCallersOnly]
    private static int OnSelectProtocol(nint ssl, byte** selected, byte* selectedLength, byte* offered, uint offeredLength, void* argument)
    {
        ReadOnlySpan<byte> supported = ApplicationProtocols;
        while (!supported.IsEmpty)
        {
            ReadOnlySpan<byte> name = supported.Slice(1, supported[0]);
            if (Offers(new ReadOnlySpan<byte>(offered, (int)offeredLength), name, out int position))
            {
                *selected = offered + position;
                *selectedLength = (byte)name.Length;
                return OpenSsl.AlpnOk;
            }

            supported = supported[(1 + name.Length)..];
        }

        return OpenSsl.AlpnAlertFatal;
    }

    private static bool Offers(ReadOnlySpan<byte> offered, ReadOnlySpan<byte> name, out int position)
    {
        position = 1;
        while (position <= offered.Length)
        {
            int length = offered[position - 1];
            if (offered[position..].StartsWith(name) && length == name.Length)
            {
                return true;
            }

            position += 1 + length;
        }

        return false;
    }

    /// <summary>The <see cref="DtlsListener"/> has verified it, before there was a session to ask for.</summary>
    [UnmanagedCallersOnly]
    private static int OnVerifyCookie(nint ssl, byte* cookie, uint length) => 1;

    private void Require(bool succeeded) => DtlsParameters.Require(_handle, succeeded);
}
