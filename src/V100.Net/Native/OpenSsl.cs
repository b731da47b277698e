using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>
/// The OpenSSL 3 of the system, linked dynamically by its versioned names, so that the distribution's security updates
/// reach the server and no development package is needed. One native concept per file.
/// </summary>
internal static partial class OpenSsl
{
    private const string Crypto = "libcrypto.so.3";
    private const string Ssl = "libssl.so.3";

    /// <summary>Whether libcrypto is there; where it is not, keys and ciphers fall back to System.Security.Cryptography.</summary>
    public static readonly bool CryptoAvailable = IsThere(Crypto, "SHA1_Transform");

    /// <summary>Whether libssl is there; without it there is no DTLS.</summary>
    public static readonly bool SslAvailable = CryptoAvailable && IsThere(Ssl, "DTLS_method");

    private static bool IsThere(string library, string export) =>
        NativeLibrary.TryLoad(library, typeof(OpenSsl).Assembly, DllImportSearchPath.SafeDirectories, out nint handle)
        && NativeLibrary.TryGetExport(handle, export, out _);
}
