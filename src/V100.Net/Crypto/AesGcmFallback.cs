using System.Security.Cryptography;

namespace V100.Net.Crypto;

/// <summary>AES-GCM by the platform, where neither the processor's instructions nor OpenSSL serve.</summary>
internal sealed class AesGcmFallback(ReadOnlySpan<byte> key) : AesGcmCipher
{
    private readonly AesGcm _aes = new(key, TagLength);

    public override void Encrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertextAndTag) =>
        _aes.Encrypt(
            nonce, plaintext, ciphertextAndTag[..plaintext.Length], ciphertextAndTag.Slice(plaintext.Length, TagLength), associatedData);

    public override bool TryDecrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertextAndTag, Span<byte> plaintext)
    {
        int length = ciphertextAndTag.Length - TagLength;
        if (length < 0)
        {
            return false;
        }

        try
        {
            _aes.Decrypt(nonce, ciphertextAndTag[..length], ciphertextAndTag[length..], plaintext[..length], associatedData);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            // The platform says it in no other way.
            plaintext[..length].Clear();
            return false;
        }
    }

    public override void Dispose() => _aes.Dispose();
}
