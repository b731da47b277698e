using System.Security.Cryptography;
using System.Text;
using V100.Net.Crypto;

namespace V100.Turn;

/// <summary>A name with one of its long-term keys, ready to check and seal messages. Immutable.</summary>
internal sealed class CredentialKey
{
    /// <param name="name">As on the wire.</param>
    /// <param name="user">Whom the quotas count.</param>
    /// <param name="expiresUnixSeconds">From this second on it makes and prolongs no allocation.</param>
    /// <param name="key">The long-term key; overwritten here, since from now on only hash states are needed.</param>
    public CredentialKey(ReadOnlySpan<byte> name, ReadOnlySpan<byte> user, long expiresUnixSeconds, byte[] key)
    {
        Name = name.ToArray();
        User = Encoding.UTF8.GetString(user);
        ExpiresUnixSeconds = expiresUnixSeconds;
        Sha1 = new HmacSha1Key(key);
        Sha256 = new HmacSha256Key(key);
        CryptographicOperations.ZeroMemory(key);
    }

    public byte[] Name { get; }
    public string User { get; }
    public long ExpiresUnixSeconds { get; }
    public HmacSha1Key Sha1 { get; }
    public HmacSha256Key Sha256 { get; }
}
