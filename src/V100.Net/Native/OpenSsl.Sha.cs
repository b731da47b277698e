using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>
/// The compression functions of SHA-1 and SHA-256: one block of 64 bytes into a chaining state. OpenSSL 3 marks them
/// deprecated and keeps exporting them; nothing else lets a key's state be computed once and continued from the stack.
/// </summary>
internal static unsafe partial class OpenSsl
{
    /// <summary>
    /// Words of SHA_CTX and SHA256_CTX (24 and 28), of which a transform touches only the chaining state at the start.
    /// </summary>
    public const int ShaContextWords = 28;

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static partial void SHA1_Transform(uint* context, byte* block);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static partial void SHA256_Transform(uint* context, byte* block);
}
