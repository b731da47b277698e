using System.Security.Cryptography;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// A key for HMAC-SHA-1 (RFC 2104) whose inner and outer states are computed once. Immutable: any thread may compute with
/// it at any time, and computing allocates nothing (where OpenSSL is missing, the fallback may).
/// </summary>
public sealed class HmacSha1Key
{
    /// <summary>Bytes of a MAC.</summary>
    public const int MacLength = 20;

    private readonly HmacState<Sha1Function> _state;
    private readonly HmacFallback? _fallback;

    public HmacSha1Key(ReadOnlySpan<byte> key)
    {
        if (OpenSsl.CryptoAvailable)
        {
            _state = HmacState<Sha1Function>.FromKey(key);
        }
        else
        {
            _fallback = new HmacFallback(HashAlgorithmName.SHA1, key);
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

/// <summary>SHA-1 of FIPS 180-4.</summary>
internal readonly struct Sha1Function : IShaFunction
{
    public static int DigestLength => HmacSha1Key.MacLength;

    public static ReadOnlySpan<uint> InitialState => [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

    public static void Digest(ReadOnlySpan<byte> message, Span<byte> digest) => SHA1.HashData(message, digest);

    public static unsafe void Transform(uint* state, byte* block) => OpenSsl.SHA1_Transform(state, block);
}
