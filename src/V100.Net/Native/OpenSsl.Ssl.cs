using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>SSL: one session. Of one thread at a time.</summary>
internal static unsafe partial class OpenSsl
{
    public const int ErrorNone = 0;
    public const int ErrorWantRead = 2;
    public const int ErrorZeroReturn = 6;
    public const int ControlSetMtu = 17;
    public const int ControlSetMaxSendFragment = 52;

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial SslHandle SSL_new(SslContextHandle context);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void SSL_free(nint ssl);

    /// <summary>Hands the BIO over: <c>SSL_free</c> frees it.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_set_bio(SslHandle ssl, nint readBio, nint writeBio);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint SSL_get_rbio(nint ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_set_accept_state(SslHandle ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_set_connect_state(SslHandle ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_do_handshake(SslHandle ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_read(SslHandle ssl, byte* buffer, int length);

    /// <summary>Says 1 for a record, also for an empty one, which <c>SSL_read</c> does not tell from an error.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_read_ex(SslHandle ssl, byte* buffer, nuint length, nuint* read);

    /// <summary>Takes and deciphers the next record as <c>SSL_read_ex</c> does, and leaves it to be read.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_peek_ex(SslHandle ssl, byte* buffer, nuint length, nuint* read);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_write_ex(SslHandle ssl, byte* buffer, nuint length, nuint* written);

    /// <summary>Bytes that are left of the record that was read in part.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static partial int SSL_pending(SslHandle ssl);

    /// <summary>Whether a datagram that was taken holds more records, deciphered or not.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static partial int SSL_has_pending(SslHandle ssl);

    /// <summary>Takes a second ClientHello from the BIO; the handshake then goes on with the numbers that follow its first.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int DTLSv1_listen(SslHandle ssl, nint peerAddress);

    /// <summary>What ALPN selected; the session's memory.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void SSL_get0_alpn_selected(SslHandle ssl, byte** protocol, uint* length);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_set_alpn_protos(SslHandle ssl, byte* protocols, uint length);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_shutdown(SslHandle ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_get_error(SslHandle ssl, int result);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint SSL_ctrl(SslHandle ssl, int command, nint number, void* argument);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_free_buffers(SslHandle ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void DTLS_set_timer_cb(SslHandle ssl, delegate* unmanaged<nint, uint, uint> callback);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial SrtpProtectionProfile* SSL_get_selected_srtp_profile(SslHandle ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int SSL_export_keying_material(
        SslHandle ssl, byte* output, nuint outputLength, byte* label, nuint labelLength, byte* context, nuint contextLength, int useContext);

    /// <summary>The suite that was agreed on, in OpenSSL's table.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint SSL_get_current_cipher(SslHandle ssl);

    /// <summary>The registry's 16 bits of a suite.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial ushort SSL_CIPHER_get_protocol_id(nint cipher);

    /// <summary>The session's memory.</summary>
    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint SSL_get_session(SslHandle ssl);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nuint SSL_SESSION_get_master_key(nint session, byte* secret, nuint length);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nuint SSL_get_client_random(SslHandle ssl, byte* random, nuint length);

    [LibraryImport(Ssl)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nuint SSL_get_server_random(SslHandle ssl, byte* random, nuint length);

    /// <summary>SRTP_PROTECTION_PROFILE.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct SrtpProtectionProfile
    {
        public readonly byte* Name;

        /// <summary>An <c>unsigned long</c>, of which the registry's 16 bits matter.</summary>
        public readonly nuint Id;
    }

    internal sealed class SslHandle() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            SSL_free(handle);
            return true;
        }
    }
}
