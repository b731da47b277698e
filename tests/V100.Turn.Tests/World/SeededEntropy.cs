using V100.Net;

namespace V100.Turn.Tests.World;

/// <summary>The server's random bytes, out of a seed.</summary>
internal sealed class SeededEntropy(int seed) : IEntropy
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> destination) => _random.NextBytes(destination);
}
