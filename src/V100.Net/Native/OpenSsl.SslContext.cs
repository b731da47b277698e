using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>SSL_CTX: what all sessions of one certificate share. OpenSSL lets several threads use one at a time.</summary>
internal static unsafe partial class OpenSsl
{
    public const ulong OptionNoQueryMtu = 1UL << 12;
    public const ulong OptionNoTicket = 1UL << 14;
    public const ulong OptionNoCompression = 1UL << 17;
    public const ulong OptionCipherServerPreference = 1UL << 22;
    public const ulong OptionNoRenegotiation = 1UL << 30;
    public const int ControlSetSessionCacheMode = 44;
    public const int ControlSetMaxCertificateList = 51;
    public const int ControlSetGroupsList = 92;
    public const int ControlSetDhAuto = 118;
    public const int ControlSetMinProtocolVersion = 123;
    public const int ControlSetMaxProtocolVersion = 124;
    public const int Dtls12Version = 0xFEFD;
    public const int VerifyPeer = 1;
    public const int VerifyFailIfNoPeerCertificate = 2;
    public const int KeyTypeRsa = 6;
    public const int KeyTypeEc = 408;
    public const int ControlAddExtraChainCertificate = 14;
    public const int AlpnOk = 0;
    public const int AlpnAlertFatal = 2;

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint DTLS_method();

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial SslContextHandle SSL_CTX_new(nint method);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void SSL_CTX_free(nint context);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint SSL_CTX_ctrl(SslContextHandle context, int command, nint number, void* argument);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial ulong SSL_CTX_set_options(SslContextHandle context, ulong options);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_CTX_set_security_level(SslContextHandle context, int level);

    [LibraryImport(Ssl, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_CTX_set_cipher_list(SslContextHandle context, string ciphers);

    [LibraryImport(Ssl, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_CTX_set_tlsext_use_srtp(SslContextHandle context, string profiles);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_CTX_set_verify(SslContextHandle context, int mode, nint callback);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_CTX_set_cert_verify_callback(
        SslContextHandle context, delegate* unmanaged<nint, void*, int> callback, void* argument);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_CTX_use_certificate_ASN1(SslContextHandle context, int length, byte* certificate);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_CTX_use_PrivateKey_ASN1(int keyType, SslContextHandle context, byte* key, nint length);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_CTX_check_private_key(SslContextHandle context);

    /// <summary>Asks what of the client's list (each name after a byte of its length) is selected, in memory that stays.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_CTX_set_alpn_select_cb(
        SslContextHandle context, delegate* unmanaged<nint, byte**, byte*, byte*, uint, void*, int> callback, void* argument);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_CTX_set_cookie_verify_cb(SslContextHandle context, delegate* unmanaged<nint, byte*, uint, int> callback);

    internal sealed class SslContextHandle() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            SSL_CTX_free(handle);
            return true;
        }
    }
}
