using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>AES-GCM by OpenSSL's EVP, with a context for each direction that is used.</summary>
internal sealed unsafe class AesGcmOpenSsl(ReadOnlySpan<byte> key) : AesGcmCipher
{
    private readonly OpenSsl.CipherContext _encryption = new(CipherOf(key), key, encrypt: true);
    private readonly OpenSsl.CipherContext _decryption = new(CipherOf(key), key, encrypt: false);

    public override void Encrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertextAndTag)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceLength);
        int length = plaintext.Length;
        ArgumentOutOfRangeException.ThrowIfLessThan(ciphertextAndTag.Length, length + TagLength);
        fixed (byte* iv = nonce)
        fixed (byte* header = associatedData)
        fixed (byte* input = plaintext)
        fixed (byte* output = ciphertextAndTag)
        {
            bool done = _encryption.TryBegin(iv)
                && (associatedData.IsEmpty || _encryption.TryUpdate(null, header, associatedData.Length))
                && (length == 0 || _encryption.TryUpdate(output, input, length))
                && _encryption.TryEnd()
                && _encryption.TryControl(OpenSsl.EvpControlAeadGetTag, TagLength, output + length);
            if (!done)
            {
                throw new InvalidOperationException($"OpenSSL does not encrypt: {OpenSsl.TakeErrorReason()}.");
            }
        }
    }

    public override bool TryDecrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertextAndTag, Span<byte> plaintext)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceLength);
        int length = ciphertextAndTag.Length - TagLength;
        if (length < 0)
        {
            return false;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(plaintext.Length, length);
        fixed (byte* iv = nonce)
        fixed (byte* header = associatedData)
        fixed (byte* input = ciphertextAndTag)
        fixed (byte* output = plaintext)
        {
            bool done = _decryption.TryBegin(iv)
                && _decryption.TryControl(OpenSsl.EvpControlAeadSetTag, TagLength, input + length)
                && (associatedData.IsEmpty || _decryption.TryUpdate(null, header, associatedData.Length))
                && (length == 0 || _decryption.TryUpdate(output, input, length))
                && _decryption.TryEnd();
            if (!done)
            {
                OpenSsl.ClearErrors();
                plaintext[..length].Clear();
            }

            return done;
        }
    }

    public override void Dispose()
    {
        _encryption.Dispose();
        _decryption.Dispose();
    }

    private static nint CipherOf(ReadOnlySpan<byte> key) => key.Length == 32 ? OpenSsl.EVP_aes_256_gcm() : OpenSsl.EVP_aes_128_gcm();
}
