using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>X509: the peer's certificate, as the verify callback sees it, and those that vouch for ours.</summary>
internal static unsafe partial class OpenSsl
{
    public const int VerifyErrorCertificateRejected = 28;
    public const int Sha256Length = 32;

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint X509_STORE_CTX_get0_cert(nint storeContext);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint X509_STORE_CTX_get_ex_data(nint storeContext, int index);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SSL_get_ex_data_X509_STORE_CTX_idx();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void X509_STORE_CTX_set_error(nint storeContext, int error);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int X509_digest(nint certificate, nint digestType, byte* digest, uint* length);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint EVP_sha256();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint d2i_X509(nint reused, byte** der, nint length);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void X509_free(nint certificate);

    /// <summary>Adds a certificate that the context shows behind its own.</summary>
    public static bool TryAddChainCertificate(SslContextHandle context, ReadOnlySpan<byte> certificateDer)
    {
        fixed (byte* start = certificateDer)
        {
            byte* position = start;
            nint certificate = d2i_X509(0, &position, certificateDer.Length);
            // What the context takes it frees.
            bool taken = certificate != 0 && SSL_CTX_ctrl(context, ControlAddExtraChainCertificate, 0, (void*)certificate) == 1;
            if (certificate != 0 && !taken)
            {
                X509_free(certificate);
            }

            return taken;
        }
    }

    /// <summary>The session whose peer's certificate is verified with this store context.</summary>
    public static nint SslOf(nint storeContext) => X509_STORE_CTX_get_ex_data(storeContext, SSL_get_ex_data_X509_STORE_CTX_idx());

    /// <summary>SHA-256 over the DER form of the peer's certificate.</summary>
    public static bool TryFingerprint(nint storeContext, Span<byte> sha256)
    {
        nint certificate = X509_STORE_CTX_get0_cert(storeContext);
        if (certificate == 0 || sha256.Length != Sha256Length)
        {
            return false;
        }

        uint length = Sha256Length;
        fixed (byte* digest = sha256)
        {
            return X509_digest(certificate, EVP_sha256(), digest, &length) == 1;
        }
    }
}
