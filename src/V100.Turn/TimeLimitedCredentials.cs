using System.Buffers.Text;
using System.Globalization;
using System.Text;
using V100.Net.Crypto;

namespace V100.Turn;

/// <summary>What the check of a time-limited credential says.</summary>
public enum TimeLimitedResult : byte
{
    Valid,

    /// <summary>The username does not start with a time, or is longer than STUN allows.</summary>
    Malformed,

    /// <summary>Its time has come.</summary>
    Expired,

    /// <summary>No secret makes this password.</summary>
    WrongPassword,
}

/// <summary>
/// Credentials that a web service makes and a TURN server checks without asking it, by a shared secret
/// (draft-uberti-behave-turn-rest-00, 2.2): the username is <c>expiry</c> or <c>expiry:user</c>, the expiry in seconds of Unix
/// time, and the password is base64(HMAC-SHA1(secret, username)). Immutable: any thread may call it.
/// </summary>
/// <remarks>
/// Several secrets may be valid at once, for rotation: the first one makes, all of them check. TURN itself never sees
/// the password but a key made of it (RFC 8489, 9.2.2), so its server asks for the password of each secret with
/// <see cref="WritePassword"/> and tries the message's integrity with it.
/// </remarks>
public sealed class TimeLimitedCredentials
{
    /// <summary>Characters of every password: 20 bytes as base64.</summary>
    public const int PasswordLength = 28;

    /// <summary>RFC 8489, 14.3: a USERNAME has fewer than 509 bytes.</summary>
    public const int MaxUsernameLength = 508;

    private readonly HmacSha1Key[] _keys;

    /// <param name="secrets">In their UTF-8 bytes they are the keys; none may be empty. With no secret, nothing is valid.</param>
    public TimeLimitedCredentials(params ReadOnlySpan<string> secrets)
    {
        _keys = new HmacSha1Key[secrets.Length];
        for (int i = 0; i < secrets.Length; i++)
        {
            ArgumentException.ThrowIfNullOrEmpty(secrets[i], nameof(secrets));
            _keys[i] = new HmacSha1Key(Encoding.UTF8.GetBytes(secrets[i]));
        }
    }

    public int SecretCount => _keys.Length;

    /// <summary>Makes a credential with the first secret. At least one secret must be there.</summary>
    /// <param name="user">Who it is for, or empty. A credential whose username would exceed <see cref="MaxUsernameLength"/> is refused.</param>
    /// <param name="expiresUnixSeconds">From this second on it is not valid.</param>
    /// <param name="username">The username, or empty.</param>
    /// <param name="password">The password, or empty.</param>
    public bool TryMake(string user, long expiresUnixSeconds, out string username, out string password)
    {
        string expiry = expiresUnixSeconds.ToString(CultureInfo.InvariantCulture);
        username = user.Length == 0 ? expiry : $"{expiry}:{user}";
        byte[] bytes = Encoding.UTF8.GetBytes(username);
        if (bytes.Length > MaxUsernameLength || expiresUnixSeconds < 0 || _keys.Length == 0)
        {
            username = password = "";
            return false;
        }

        Span<byte> text = stackalloc byte[PasswordLength];
        WritePassword(0, bytes, text);
        password = Encoding.ASCII.GetString(text);
        return true;
    }

    /// <summary>Takes a username apart.</summary>
    /// <param name="username">Its bytes, as on the wire.</param>
    /// <param name="expiresUnixSeconds">From this second on it is not valid.</param>
    /// <param name="user">What stands behind the colon: empty without one.</param>
    public static bool TryParseUsername(ReadOnlySpan<byte> username, out long expiresUnixSeconds, out ReadOnlySpan<byte> user)
    {
        user = default;
        // A sign is no part of the form, although it would parse.
        if (username.Length > MaxUsernameLength
            || !Utf8Parser.TryParse(username, out expiresUnixSeconds, out int digits)
            || username[0] is < (byte)'0' or > (byte)'9'
            || (digits < username.Length && username[digits] != (byte)':'))
        {
            expiresUnixSeconds = 0;
            return false;
        }

        user = digits < username.Length ? username[(digits + 1)..] : default;
        return true;
    }

    /// <summary>Writes the password that one of the secrets makes for this username, whatever its expiry.</summary>
    /// <param name="secretIndex">0 to <see cref="SecretCount"/> - 1.</param>
    /// <param name="username">Its bytes, as on the wire.</param>
    /// <param name="password">Gets <see cref="PasswordLength"/> ASCII characters.</param>
    public void WritePassword(int secretIndex, ReadOnlySpan<byte> username, Span<byte> password)
    {
        Span<byte> mac = stackalloc byte[HmacSha1Key.MacLength];
        _keys[secretIndex].Compute(username, default, mac);
        Base64.EncodeToUtf8(mac, password, out _, out _);
    }

    /// <summary>Checks a username and password. Takes the same time for every wrong password; allocates nothing.</summary>
    public TimeLimitedResult Verify(ReadOnlySpan<byte> username, ReadOnlySpan<byte> password, long nowUnixSeconds)
    {
        if (!TryParseUsername(username, out long expiresUnixSeconds, out _))
        {
            return TimeLimitedResult.Malformed;
        }

        if (nowUnixSeconds >= expiresUnixSeconds)
        {
            return TimeLimitedResult.Expired;
        }

        Span<byte> expected = stackalloc byte[PasswordLength];
        for (int i = 0; i < _keys.Length; i++)
        {
            WritePassword(i, username, expected);
            if (ConstantTime.Equals(expected, password))
            {
                return TimeLimitedResult.Valid;
            }
        }

        return TimeLimitedResult.WrongPassword;
    }
}
