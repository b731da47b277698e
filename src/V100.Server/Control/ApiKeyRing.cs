using System.Security.Cryptography;
using System.Text;

namespace V100.Server.Control;

/// <summary>The API keys that count now. A reload replaces them all at once.</summary>
internal sealed class ApiKeyRing
{
    private volatile Dictionary<string, byte[]> _secrets;

    public ApiKeyRing(IReadOnlyDictionary<string, string> secrets)
    {
        _secrets = Encode(secrets);
    }

    public int Count => _secrets.Count;

    public void Replace(IReadOnlyDictionary<string, string> secrets) => _secrets = Encode(secrets);

    /// <summary>The key that signs what the server itself sends: the first in the order of their names; null without any.</summary>
    public (string Key, byte[] Secret)? Signing
    {
        get
        {
            Dictionary<string, byte[]> secrets = _secrets;
            return secrets.Keys.Min(StringComparer.Ordinal) is { } key ? (key, secrets[key]) : null;
        }
    }

    public bool TryGetSecret(string key, out byte[] secret)
    {
        bool found = _secrets.TryGetValue(key, out byte[]? value);
        secret = value ?? [];
        return found;
    }

    /// <summary>Whether the secret belongs to the key, in a time that does not depend on where they differ.</summary>
    public bool Matches(string key, ReadOnlySpan<byte> secret)
    {
        bool known = TryGetSecret(key, out byte[] expected);

        // Hashes have one length, so that not even the secret's length shows.
        Span<byte> left = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> right = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(expected, left);
        SHA256.HashData(secret, right);
        return CryptographicOperations.FixedTimeEquals(left, right) && known;
    }

    private static Dictionary<string, byte[]> Encode(IReadOnlyDictionary<string, string> secrets) =>
        secrets.ToDictionary(pair => pair.Key, pair => Encoding.UTF8.GetBytes(pair.Value), StringComparer.Ordinal);
}
