using System.Security.Cryptography;

namespace V100.Net.Crypto;

/// <summary>HMAC where OpenSSL is missing (Windows, macOS): right, but slower and not free of allocation.</summary>
internal sealed class HmacFallback(HashAlgorithmName hash, ReadOnlySpan<byte> key)
{
    private readonly byte[] _key = key.ToArray();

    public void Compute(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac)
    {
        // An instance per call: IncrementalHash is not safe for several threads, keys are.
        using var incremental = IncrementalHash.CreateHMAC(hash, _key);
        incremental.AppendData(first);
        incremental.AppendData(second);
        incremental.GetHashAndReset(mac);
    }
}
