using System.Diagnostics;
using System.Security.Cryptography;

namespace V100.Net.Crypto;

/// <summary>The pseudorandom function of TLS 1.2 (RFC 5246 section 5), with the hash of the cipher suite.</summary>
internal static class TlsPrf
{
    public const int MaxSeedLength = 128;

    /// <param name="hash">SHA-256 or SHA-384.</param>
    /// <param name="secret">The master secret, of 48 bytes, or any other.</param>
    /// <param name="seed">The label and the seed, one behind the other: at most <see cref="MaxSeedLength"/> bytes.</param>
    /// <param name="output">Is filled.</param>
    public static void Fill(HashAlgorithmName hash, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> seed, Span<byte> output)
    {
        Debug.Assert(seed.Length <= MaxSeedLength);
        int length = hash == HashAlgorithmName.SHA384 ? HMACSHA384.HashSizeInBytes : HMACSHA256.HashSizeInBytes;
        Span<byte> input = stackalloc byte[HMACSHA384.HashSizeInBytes + MaxSeedLength];
        Span<byte> block = stackalloc byte[HMACSHA384.HashSizeInBytes];

        // A(1) = HMAC(secret, seed), A(i + 1) = HMAC(secret, A(i)); the output is HMAC(secret, A(i) + seed), block after block.
        Span<byte> chained = input[..length];
        Authenticate(hash, secret, seed, chained);
        seed.CopyTo(input[length..]);
        while (true)
        {
            Authenticate(hash, secret, input[..(length + seed.Length)], block[..length]);
            int taken = Math.Min(length, output.Length);
            block[..taken].CopyTo(output);
            output = output[taken..];
            if (output.IsEmpty)
            {
                break;
            }

            Authenticate(hash, secret, chained, block[..length]);
            block[..length].CopyTo(chained);
        }

        CryptographicOperations.ZeroMemory(input);
        CryptographicOperations.ZeroMemory(block);
    }

    private static void Authenticate(HashAlgorithmName hash, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> message, Span<byte> code)
    {
        if (hash == HashAlgorithmName.SHA384)
        {
            HMACSHA384.HashData(secret, message, code);
        }
        else
        {
            HMACSHA256.HashData(secret, message, code);
        }
    }
}
