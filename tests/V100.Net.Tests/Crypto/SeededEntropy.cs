namespace V100.Net.Tests.Crypto;

/// <summary>Randomness that a seed repeats.</summary>
internal sealed class SeededEntropy(int seed) : IEntropy
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> destination) => _random.NextBytes(destination);
}
