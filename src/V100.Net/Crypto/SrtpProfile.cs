namespace V100.Net.Crypto;

/// <summary>The SRTP protection profiles that V100 speaks, by their number in the IANA registry (RFC 5764, RFC 7714).</summary>
#pragma warning disable CA1028, CA1707 // RFC 5764 writes the name so. The registry's numbers have 16 bits.
public enum SrtpProfile : ushort
{
    /// <summary>None was agreed.</summary>
    None = 0,

    /// <summary>SRTP_AES128_CM_HMAC_SHA1_80 (RFC 5764 section 4.1.2).</summary>
    Aes128CmSha1_80 = 1,

    /// <summary>SRTP_AEAD_AES_128_GCM (RFC 7714 section 14.2).</summary>
    AeadAes128Gcm = 7,

    /// <summary>SRTP_AEAD_AES_256_GCM (RFC 7714 section 14.2).</summary>
    AeadAes256Gcm = 8,
}
#pragma warning restore CA1028, CA1707

/// <summary>The sizes that a profile fixes, in bytes.</summary>
public static class SrtpProfileSizes
{
    public const int MaxKeyLength = 32;
    public const int MaxSaltLength = 14;

    /// <summary>Of the master key and of each session key for encryption.</summary>
    public static int KeyLength(this SrtpProfile profile) => profile == SrtpProfile.AeadAes256Gcm ? 32 : 16;

    /// <summary>Of the master salt and of each session salt.</summary>
    public static int SaltLength(this SrtpProfile profile) => profile == SrtpProfile.Aes128CmSha1_80 ? 14 : 12;

    /// <summary>Of the authentication tag that ends a packet.</summary>
    public static int TagLength(this SrtpProfile profile) => profile == SrtpProfile.Aes128CmSha1_80 ? 10 : 16;

    public static bool IsAead(this SrtpProfile profile) => profile is SrtpProfile.AeadAes128Gcm or SrtpProfile.AeadAes256Gcm;
}
