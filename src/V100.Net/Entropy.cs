using System.Security.Cryptography;

namespace V100.Net;

/// <summary>Where random bytes come from: the system, or a seed in tests.</summary>
public interface IEntropy
{
    /// <summary>Fills all of <paramref name="destination"/>. Callable from any thread.</summary>
    void Fill(Span<byte> destination);
}

/// <summary>The system's cryptographic generator.</summary>
public sealed class SystemEntropy : IEntropy
{
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}

public static class EntropyReads
{
    public static uint NextUInt32(this IEntropy entropy)
    {
        Span<byte> bytes = stackalloc byte[4];
        entropy.Fill(bytes);
        return BitConverter.ToUInt32(bytes);
    }

    public static ulong NextUInt64(this IEntropy entropy)
    {
        Span<byte> bytes = stackalloc byte[8];
        entropy.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }
}
