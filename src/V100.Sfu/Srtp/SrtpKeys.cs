using V100.Net.Crypto;

namespace V100.Sfu.Srtp;

/// <summary>
/// The session keys of RTP, or those of RTCP, in one direction: derived once from the master key and salt (RFC 3711
/// section 4.3) with a key derivation rate of zero.
/// </summary>
/// <param name="Encryption">As long as the master key.</param>
/// <param name="Authentication">For HMAC-SHA1; empty for the AEAD profiles.</param>
/// <param name="Salt">As long as the master salt.</param>
internal sealed record SrtpKeys(byte[] Encryption, byte[] Authentication, byte[] Salt)
{
    /// <summary>Bytes of the key for HMAC-SHA1 (RFC 3711 section 5.2).</summary>
    public const int AuthenticationKeyLength = 20;

    // RFC 3711 sections 4.3.1 and 4.3.2: the labels; those of SRTCP are three higher.
    private const byte EncryptionLabel = 0;
    private const byte AuthenticationLabel = 1;
    private const byte SaltLabel = 2;
    private const byte FirstControlLabel = 3;
    private const int LabelPosition = 7;

    public static SrtpKeys ForRtp(SrtpProfile profile, ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> masterSalt) =>
        Derive(profile, masterKey, masterSalt, 0);

    public static SrtpKeys ForRtcp(SrtpProfile profile, ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> masterSalt) =>
        Derive(profile, masterKey, masterSalt, FirstControlLabel);

    private static SrtpKeys Derive(SrtpProfile profile, ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> masterSalt, byte firstLabel)
    {
        if (masterKey.Length != profile.KeyLength() || masterSalt.Length != profile.SaltLength())
        {
            throw new ArgumentException($"{profile} has a key of {profile.KeyLength()} bytes and a salt of {profile.SaltLength()}.");
        }

        // RFC 3711 section 4.3.3: the pseudo-random function is the key stream of AES in counter mode under the master key.
        using var stream = AesCounterCipher.Create(masterKey);
        return new SrtpKeys(
            DeriveOne(stream, masterSalt, (byte)(firstLabel + EncryptionLabel), profile.KeyLength()),
            DeriveOne(stream, masterSalt, (byte)(firstLabel + AuthenticationLabel), profile.IsAead() ? 0 : AuthenticationKeyLength),
            DeriveOne(stream, masterSalt, (byte)(firstLabel + SaltLabel), profile.SaltLength()));
    }

    private static byte[] DeriveOne(AesCounterCipher stream, ReadOnlySpan<byte> masterSalt, byte label, int length)
    {
        // RFC 3711 section 4.3.1: the label, 48 bits up, xor the salt; then 16 bits up (section 4.3.3).
        // RFC 7714 section 11: a salt of 96 bits has 16 bits of zeros behind it.
        Span<byte> counter = stackalloc byte[AesCounterCipher.CounterBlockLength];
        counter.Clear();
        masterSalt.CopyTo(counter);
        counter[LabelPosition] ^= label;
        byte[] key = new byte[length];
        stream.Transform(counter, key, key);
        return key;
    }
}
