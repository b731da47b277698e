using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>AES in counter mode by OpenSSL's EVP.</summary>
internal sealed unsafe class AesCounterOpenSsl(ReadOnlySpan<byte> key) : AesCounterCipher
{
    private readonly OpenSsl.CipherContext _context =
        new(key.Length == 32 ? OpenSsl.EVP_aes_256_ctr() : OpenSsl.EVP_aes_128_ctr(), key, encrypt: true);

    public override void Transform(ReadOnlySpan<byte> counterBlock, ReadOnlySpan<byte> input, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(counterBlock.Length, CounterBlockLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, input.Length);
        fixed (byte* iv = counterBlock)
        fixed (byte* source = input)
        fixed (byte* target = output)
        {
            if (!_context.TryBegin(iv) || (input.Length > 0 && !_context.TryUpdate(target, source, input.Length)))
            {
                throw new InvalidOperationException($"OpenSSL does not encrypt: {OpenSsl.TakeErrorReason()}.");
            }
        }
    }

    public override void Dispose() => _context.Dispose();
}
