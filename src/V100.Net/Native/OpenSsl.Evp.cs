using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>
/// EVP ciphers with a context that keeps its key: only the initialization vector comes with each packet. The calls take
/// well under a microsecond and never block, so they go without a transition of the garbage collector's mode.
/// </summary>
internal static unsafe partial class OpenSsl
{
    public const int EvpControlAeadGetTag = 0x10;
    public const int EvpControlAeadSetTag = 0x11;

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint EVP_aes_128_gcm();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint EVP_aes_256_gcm();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint EVP_aes_128_ctr();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint EVP_aes_256_ctr();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void EVP_CIPHER_CTX_free(nint context);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial int EVP_CipherInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv, int encrypt);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial int EVP_CipherUpdate(nint context, byte* output, int* outputLength, byte* input, int inputLength);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial int EVP_CipherFinal_ex(nint context, byte* output, int* outputLength);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial int EVP_CIPHER_CTX_ctrl(nint context, int command, int number, void* argument);

    /// <summary>EVP_CIPHER_CTX with its key. Of one thread at a time.</summary>
    internal sealed class CipherContext : SafeHandle
    {
        private readonly int _encrypt;

        public CipherContext(nint cipher, ReadOnlySpan<byte> key, bool encrypt)
            : base(0, ownsHandle: true)
        {
            _encrypt = encrypt ? 1 : 0;
            SetHandle(EVP_CIPHER_CTX_new());
            fixed (byte* keyBytes = key)
            {
                if (IsInvalid || EVP_CipherInit_ex(handle, cipher, 0, keyBytes, null, _encrypt) != 1)
                {
                    throw new InvalidOperationException($"OpenSSL refuses the cipher: {TakeErrorReason()}.");
                }
            }
        }

        public override bool IsInvalid => handle == 0;

        /// <summary>Begins a packet.</summary>
        public bool TryBegin(byte* iv) => EVP_CipherInit_ex(handle, 0, 0, null, iv, _encrypt) == 1;

        /// <summary>Takes associated data (with no output) or enciphers or deciphers.</summary>
        public bool TryUpdate(byte* output, byte* input, int length)
        {
            int written;
            return EVP_CipherUpdate(handle, output, &written, input, length) == 1;
        }

        /// <summary>Ends a packet; when deciphering, false means that the tag is wrong.</summary>
        public bool TryEnd()
        {
            byte none;
            int written;
            return EVP_CipherFinal_ex(handle, &none, &written) == 1;
        }

        public bool TryControl(int command, int number, void* argument) => EVP_CIPHER_CTX_ctrl(handle, command, number, argument) == 1;

        protected override bool ReleaseHandle()
        {
            EVP_CIPHER_CTX_free(handle);
            return true;
        }
    }
}
