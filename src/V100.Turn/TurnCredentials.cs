using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace V100.Turn;

/// <summary>
/// Who may use the server: long-term users with a password (RFC 8489, 9.2) and holders of time-limited credentials, in one realm.
/// Immutable: any thread may ask. Nothing of it is ever written to a log.
/// </summary>
/// <remarks>
/// Names, realm and passwords are used in their UTF-8 bytes as they are given: whoever configures others than ASCII gives them as
/// OpaqueString (RFC 8265, 4.2) would make them.
/// </remarks>
public sealed class TurnCredentials
{
    /// <summary>Bytes of the longest realm, so that an answer that names it stays small.</summary>
    public const int MaxRealmLength = 127;

    private const int MaxPasswordLength = 763;
    private readonly Dictionary<byte[], byte[]>.AlternateLookup<ReadOnlySpan<byte>> _passwordByName;
    private readonly Dictionary<byte[], byte[]>.AlternateLookup<ReadOnlySpan<byte>> _nameByHash;
    private readonly TimeLimitedCredentials _timeLimited;
    private readonly byte[] _realm;

    /// <param name="realm">1 to <see cref="MaxRealmLength"/> bytes.</param>
    /// <param name="users">Name to password.</param>
    /// <param name="secrets">For time-limited credentials; the first makes them, all are good.</param>
    public TurnCredentials(string realm, IEnumerable<KeyValuePair<string, string>> users, params ReadOnlySpan<string> secrets)
    {
        _realm = Encoding.UTF8.GetBytes(realm);
        ArgumentOutOfRangeException.ThrowIfZero(_realm.Length, nameof(realm));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_realm.Length, MaxRealmLength, nameof(realm));
        _timeLimited = new TimeLimitedCredentials(secrets);
        var passwords = new Dictionary<byte[], byte[]>(ByteStringComparer.Instance);
        var hashes = new Dictionary<byte[], byte[]>(ByteStringComparer.Instance);
        foreach ((string name, string password) in users)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(name);
            byte[] secret = Encoding.UTF8.GetBytes(password);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, TimeLimitedCredentials.MaxUsernameLength, nameof(users));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(secret.Length, MaxPasswordLength, nameof(users));
            passwords[bytes] = secret;
            // RFC 8489, 14.4.
            hashes[SHA256.HashData([.. bytes, (byte)':', .. _realm])] = bytes;
        }

        _passwordByName = passwords.GetAlternateLookup<ReadOnlySpan<byte>>();
        _nameByHash = hashes.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    internal ReadOnlySpan<byte> Realm => _realm;

    /// <summary>
    /// Whether clients are asked to hide their names (RFC 8489, 9.2.4). A client that is asked never sends its name, and the name of a
    /// time-limited credential cannot be found by its hash, so they are not asked where such credentials are in use. USERHASH of a
    /// long-term user is understood always.
    /// </summary>
    internal bool OffersAnonymity => _timeLimited.SecretCount == 0;

    /// <summary>The name behind a USERHASH.</summary>
    internal bool TryFindName(ReadOnlySpan<byte> userhash, out ReadOnlySpan<byte> name)
    {
        bool found = _nameByHash.TryGetValue(userhash, out byte[]? bytes);
        name = bytes;
        return found;
    }

    /// <summary>How many keys a name may have: one of a long-term user, or one for each secret.</summary>
    internal int CandidateCount(ReadOnlySpan<byte> name) =>
        _passwordByName.ContainsKey(name) ? 1
        : TimeLimitedCredentials.TryParseUsername(name, out _, out _) ? _timeLimited.SecretCount
        : 0;

    /// <summary>Makes one of the keys.</summary>
    internal CredentialKey MakeKey(ReadOnlySpan<byte> name, PasswordAlgorithm algorithm, int candidate)
    {
        if (_passwordByName.TryGetValue(name, out byte[]? password))
        {
            return new CredentialKey(name, name, long.MaxValue, Derive(name, password, algorithm));
        }

        Span<byte> made = stackalloc byte[TimeLimitedCredentials.PasswordLength];
        _timeLimited.WritePassword(candidate, name, made);
        bool timed = TimeLimitedCredentials.TryParseUsername(name, out long expires, out ReadOnlySpan<byte> user);
        Debug.Assert(timed);
        return new CredentialKey(name, user.IsEmpty ? name : user, expires, Derive(name, made, algorithm));
    }

    /// <summary>RFC 8489, 18.5.1: the hash of name, realm and password with colons between.</summary>
    private byte[] Derive(ReadOnlySpan<byte> name, ReadOnlySpan<byte> password, PasswordAlgorithm algorithm)
    {
        Span<byte> text = stackalloc byte[TimeLimitedCredentials.MaxUsernameLength + MaxRealmLength + MaxPasswordLength + 2];
        name.CopyTo(text);
        int length = name.Length;
        text[length++] = (byte)':';
        _realm.CopyTo(text[length..]);
        length += _realm.Length;
        text[length++] = (byte)':';
        password.CopyTo(text[length..]);
        length += password.Length;
#pragma warning disable CA5351 // The long-term key of clients that know no other is MD5.
        byte[] key = algorithm == PasswordAlgorithm.Sha256 ? SHA256.HashData(text[..length]) : MD5.HashData(text[..length]);
#pragma warning restore CA5351
        CryptographicOperations.ZeroMemory(text);
        return key;
    }
}
