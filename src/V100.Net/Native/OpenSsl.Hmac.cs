using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>HMAC as OpenSSL's users call it; <c>perf</c> measures the server's own against it, and nothing else uses it.</summary>
internal static unsafe partial class OpenSsl
{
    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint EVP_sha1();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial byte* HMAC(nint function, byte* key, int keyLength, byte* data, nuint dataLength, byte* mac, uint* macLength);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint HMAC_CTX_new();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void HMAC_CTX_free(nint context);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial int HMAC_Init_ex(nint context, byte* key, int keyLength, nint function, nint engine);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial int HMAC_Update(nint context, byte* data, nuint length);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial int HMAC_Final(nint context, byte* mac, uint* macLength);

    /// <summary>HMAC-SHA-256 or HMAC-SHA-1 in one call, which sets up the key each time.</summary>
    internal static void HmacAtOnce(bool sha256, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mac.Length, sha256 ? 32 : 20);
        uint length;
        fixed (byte* keyBytes = key)
        fixed (byte* input = data)
        fixed (byte* output = mac)
        {
            if (HMAC(sha256 ? HashFunctions.Sha256 : HashFunctions.Sha1, keyBytes, key.Length, input, (nuint)data.Length, output, &length) is null)
            {
                throw new InvalidOperationException($"OpenSSL computes no HMAC: {TakeErrorReason()}.");
            }
        }
    }

    // A class of its own, so that nothing but the one-shot call asks for them.
    private static class HashFunctions
    {
        public static readonly nint Sha1 = EVP_sha1();
        public static readonly nint Sha256 = EVP_sha256();
    }

    /// <summary>HMAC-SHA-1 under one key, in a context that keeps it. Of one thread at a time.</summary>
    internal sealed class HmacSha1Context : SafeHandle
    {
        private const int MacLength = 20;

        private readonly byte[] _key;
        private readonly nint _function = EVP_sha1();

        public HmacSha1Context(ReadOnlySpan<byte> key)
            : base(0, ownsHandle: true)
        {
            _key = key.ToArray();
            SetHandle(HMAC_CTX_new());
            fixed (byte* bytes = _key)
            {
                if (IsInvalid || HMAC_Init_ex(handle, bytes, _key.Length, _function, 0) != 1)
                {
                    throw new InvalidOperationException($"OpenSSL refuses the HMAC key: {TakeErrorReason()}.");
                }
            }
        }

        public override bool IsInvalid => handle == 0;

        /// <summary>The MAC of both parts, with the key that the context has: three or four calls, no setup of the key.</summary>
        public void Compute(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(mac.Length, MacLength);
            uint length;
            fixed (byte* head = first)
            fixed (byte* tail = second)
            fixed (byte* output = mac)
            {
                if (HMAC_Init_ex(handle, null, 0, 0, 0) != 1
                    || HMAC_Update(handle, head, (nuint)first.Length) != 1
                    || (second.Length > 0 && HMAC_Update(handle, tail, (nuint)second.Length) != 1)
                    || HMAC_Final(handle, output, &length) != 1)
                {
                    throw new InvalidOperationException($"OpenSSL computes no HMAC: {TakeErrorReason()}.");
                }
            }
        }

        /// <summary>The same in one call, which sets up the key each time.</summary>
        public void ComputeAtOnce(ReadOnlySpan<byte> data, Span<byte> mac) => HmacAtOnce(sha256: false, _key, data, mac);

        protected override bool ReleaseHandle()
        {
            HMAC_CTX_free(handle);
            return true;
        }
    }
}
