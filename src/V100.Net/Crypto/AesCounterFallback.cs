using System.Security.Cryptography;

namespace V100.Net.Crypto;

/// <summary>AES in counter mode by the platform's block cipher, where neither the processor's instructions nor OpenSSL serve.</summary>
internal sealed class AesCounterFallback : AesCounterCipher
{
    private readonly Aes _aes = Aes.Create();

    public AesCounterFallback(ReadOnlySpan<byte> key) => _aes.Key = key.ToArray();

    public override void Transform(ReadOnlySpan<byte> counterBlock, ReadOnlySpan<byte> input, Span<byte> output)
    {
        Span<byte> counter = stackalloc byte[CounterBlockLength];
        Span<byte> stream = stackalloc byte[CounterBlockLength];
        counterBlock.CopyTo(counter);
        for (int position = 0; position < input.Length; position += CounterBlockLength)
        {
            _aes.EncryptEcb(counter, stream, PaddingMode.None);
            int end = Math.Min(input.Length, position + CounterBlockLength);
            for (int at = position; at < end; at++)
            {
                output[at] = (byte)(input[at] ^ stream[at - position]);
            }

            for (int digit = CounterBlockLength - 1; digit >= 0 && ++counter[digit] == 0; digit--)
            {
            }
        }
    }

    public override void Dispose() => _aes.Dispose();
}
