using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// AES in counter mode (NIST SP 800-38A section 6.5) under one key of 16 or 32 bytes: the counter is the whole 16-byte
/// block, as a number in network order. Of one thread at a time. Input and output may be the same bytes exactly.
/// </summary>
public abstract class AesCounterCipher : IDisposable
{
    public const int CounterBlockLength = 16;

    /// <summary>By <see cref="AesGcmCipher.Backend"/>.</summary>
    public static AesCounterCipher Create(ReadOnlySpan<byte> key) => Create(key, AesGcmCipher.Backend);

    internal static AesCounterCipher Create(ReadOnlySpan<byte> key, CipherBackend backend)
    {
        AesGcmCipher.ThrowIfNoKeyLength(key.Length);
        bool prefersOpenSsl = backend == CipherBackend.OpenSsl && OpenSsl.CryptoAvailable;
        return AesX86.IsSupported && !prefersOpenSsl ? new AesCounterX86(key)
            : OpenSsl.CryptoAvailable ? new AesCounterOpenSsl(key)
            : new AesCounterFallback(key);
    }

    /// <summary>
    /// Enciphers or deciphers, which is the same: xors the key stream that begins at <paramref name="counterBlock"/>.
    /// </summary>
    public abstract void Transform(ReadOnlySpan<byte> counterBlock, ReadOnlySpan<byte> input, Span<byte> output);

    /// <summary>Forgets the key.</summary>
    public abstract void Dispose();
}
