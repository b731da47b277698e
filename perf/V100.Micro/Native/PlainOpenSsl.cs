using System.Runtime.InteropServices;

namespace V100.Micro.Native;

/// <summary>OpenSSL's functions as C has them: what the server's DTLS is measured against.</summary>
internal static class PlainOpenSsl
{
    public const int ControlSetMtu = 17;

    private const string Ssl = "libssl.so.3";
    private const string Crypto = "libcrypto.so.3";
    private const int ControlSetGroupsList = 92;

    /// <summary>SSL_CTX_set_cert_verify_callback's.</summary>
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int Verifying(nint store, nint argument);

    /// <summary>As OpenSSL calls it; of a delegate that lives on.</summary>
    public static nint Pointer(Verifying callback) => Marshal.GetFunctionPointerForDelegate(callback);

    /// <summary>The library's version in words.</summary>
    public static string Version => (Marshal.PtrToStringUTF8(OpenSSL_version(0)) ?? "").Replace("OpenSSL ", "", StringComparison.Ordinal);

    public static nint SSL_CTX_set_groups_list(nint context, string groups)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(groups);
        nint result = SSL_CTX_ctrl(context, ControlSetGroupsList, 0, text);
        Marshal.FreeCoTaskMem(text);
        return result;
    }

    [DllImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint OpenSSL_version(int part);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint DTLS_method();

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint SSL_CTX_new(nint method);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void SSL_CTX_free(nint context);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint SSL_CTX_ctrl(nint context, int command, nint number, nint argument);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern ulong SSL_CTX_set_options(nint context, ulong options);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int SSL_CTX_set_cipher_list(nint context, [MarshalAs(UnmanagedType.LPUTF8Str)] string ciphers);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int SSL_CTX_set_tlsext_use_srtp(nint context, [MarshalAs(UnmanagedType.LPUTF8Str)] string profiles);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void SSL_CTX_set_verify(nint context, int mode, nint callback);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void SSL_CTX_set_cert_verify_callback(nint context, nint callback, nint argument);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int SSL_CTX_use_certificate_ASN1(nint context, int length, ref byte certificate);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int SSL_CTX_use_PrivateKey_ASN1(int keyType, nint context, ref byte key, nint length);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint SSL_new(nint context);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void SSL_free(nint ssl);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint SSL_ctrl(nint ssl, int command, nint number, nint argument);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void SSL_set_bio(nint ssl, nint readBio, nint writeBio);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void SSL_set_accept_state(nint ssl);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void SSL_set_connect_state(nint ssl);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int SSL_do_handshake(nint ssl);

    [DllImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int SSL_export_keying_material(nint ssl, ref byte output, nint outputLength, [MarshalAs(UnmanagedType.LPUTF8Str)] string label, nint labelLength, nint context, nint contextLength, int useContext);

    [DllImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint BIO_s_mem();

    [DllImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint BIO_new(nint method);

    [DllImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int BIO_up_ref(nint bio);
}
