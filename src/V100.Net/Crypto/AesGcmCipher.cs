using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// AES-GCM (NIST SP 800-38D) with a 12-byte nonce and a 16-byte tag, under one key of 16 or 32 bytes. Of one thread at a
/// time. Neither direction allocates (but for the fallback where neither the processor nor OpenSSL serves). Input and
/// output may be the same bytes exactly, but must not overlap otherwise.
/// </summary>
public abstract class AesGcmCipher : IDisposable
{
    public const int NonceLength = 12;
    public const int TagLength = 16;

    /// <summary>For all ciphers that are made from now on, those of counter mode too: to be set once, at the start.</summary>
    public static CipherBackend Backend { get; set; }

    /// <summary>By <see cref="Backend"/>.</summary>
    public static AesGcmCipher Create(ReadOnlySpan<byte> key) => Create(key, Backend);

    internal static AesGcmCipher Create(ReadOnlySpan<byte> key, CipherBackend backend)
    {
        ThrowIfNoKeyLength(key.Length);
        bool prefersOpenSsl = backend == CipherBackend.OpenSsl && OpenSsl.CryptoAvailable;
        return AesGcmX86.IsSupported && !prefersOpenSsl ? new AesGcmX86(key)
            : OpenSsl.CryptoAvailable ? new AesGcmOpenSsl(key)
            : new AesGcmFallback(key);
    }

    /// <summary>Writes the ciphertext, as long as <paramref name="plaintext"/>, and the tag behind it.</summary>
    public abstract void Encrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertextAndTag);

    /// <summary>
    /// Writes the plaintext, which is <see cref="TagLength"/> shorter than <paramref name="ciphertextAndTag"/>. False when
    /// the tag is wrong, in which case nothing but zeros stands where the plaintext would.
    /// </summary>
    public abstract bool TryDecrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertextAndTag, Span<byte> plaintext);

    /// <summary>Forgets the key.</summary>
    public abstract void Dispose();

    internal static void ThrowIfNoKeyLength(int length)
    {
        if (length is not (16 or 32))
        {
            throw new ArgumentException($"An AES key has 16 or 32 bytes here, not {length}.", nameof(length));
        }
    }
}
