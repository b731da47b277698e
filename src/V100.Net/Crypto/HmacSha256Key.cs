using System.Security.Cryptography;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// A key for HMAC-SHA-256 (RFC 2104) whose inner and outer states are computed once. Immutable: any thread may compute with
/// it at any time, and computing allocates nothing (where OpenSSL is missing, the fallback may).
/// </summary>
public sealed class HmacSha256Key
{
    /// <summary>Bytes of a MAC.</summary>
    public const int MacLength = 32;

    private readonly HmacState<Sha256Function> _state;
    private readonly HmacFallback? _fallback;

    public HmacSha256Key(ReadOnlySpan<byte> key)
    {
        if (OpenSsl.CryptoAvailable)
        {
            _state = HmacState<Sha256Function>.FromKey(key);
        }
        else
        {
            _fallback = new HmacFallback(HashAlgorithmName.SHA256, key);
        }
    }

    /// <summary>
    /// Writes the MAC of <paramref name="first"/> followed by <paramref name="second"/> into the first
    /// <see cref="MacLength"/> bytes of <paramref name="mac"/>. There are two parts because STUN authenticates a message
    /// under a header that differs from the one on the wire, and SRTP appends the rollover counter.
    /// </summary>
    public void Compute(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac)
    {
        if (_fallback is null)
        {
            _state.Compute(first, second, mac);
        }
        else
        {
            _fallback.Compute(first, second, mac[..MacLength]);
        }
    }
}

/// <summary>SHA-256 of FIPS 180-4.</summary>
internal readonly struct Sha256Function : IShaFunction
{
    public static int DigestLength => HmacSha256Key.MacLength;

    public static ReadOnlySpan<uint> InitialState => [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ];

    public static void Digest(ReadOnlySpan<byte> message, Span<byte> digest) => SHA256.HashData(message, digest);

    public static unsafe void Transform(uint* state, byte* block) => OpenSsl.SHA256_Transform(state, block);
}
