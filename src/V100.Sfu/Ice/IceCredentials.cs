using System.Text;
using V100.Net.Crypto;
using V100.Sfu.Sdp;

namespace V100.Sfu.Ice;

/// <summary>One side's username fragment and password (RFC 8445, 5.3), with the keys that the password makes. Immutable.</summary>
public sealed class IceCredentials
{
    /// <summary>Random bytes for <see cref="FromRandom"/>.</summary>
    public const int RandomLength = IceUfrag.RandomLength + PasswordRandomLength;

    // RFC 8445, 5.3 asks for 128 bits; 144 make 24 characters without a rest.
    private const int PasswordRandomLength = 18;
    private const int PasswordLength = PasswordRandomLength / 3 * 4;

    private readonly byte[] _usernamePrefix;

    private IceCredentials(string ufrag, string password)
    {
        Ufrag = ufrag;
        Password = password;
        _usernamePrefix = Encoding.UTF8.GetBytes(ufrag + ":");
        byte[] key = Encoding.UTF8.GetBytes(password);
        Key = new HmacSha1Key(key);
        KeySha256 = new HmacSha256Key(key);
    }

    public string Ufrag { get; }
    public string Password { get; }

    internal HmacSha1Key Key { get; }
    internal HmacSha256Key KeySha256 { get; }

    /// <summary>New credentials of this server: an <see cref="IceUfrag"/> and a password of 24 ice-chars.</summary>
    /// <param name="random"><see cref="RandomLength"/> bytes from a cryptographic source.</param>
    public static IceCredentials FromRandom(ReadOnlySpan<byte> random)
    {
        Span<byte> password = stackalloc byte[PasswordLength];
        IceChars.Encode(random.Slice(IceUfrag.RandomLength, PasswordRandomLength), password);
        return new IceCredentials(IceUfrag.FromRandom(random).ToString(), Encoding.ASCII.GetString(password));
    }

    /// <summary>Credentials from a session description; false where they do not fit <see cref="IceGrammar"/>.</summary>
    public static bool TryCreate(string ufrag, string password, out IceCredentials credentials)
    {
        bool good = IceGrammar.IsUfrag(ufrag) && IceGrammar.IsPassword(password);
        credentials = good ? new IceCredentials(ufrag, password) : null!;
        return good;
    }

    /// <summary>Whether a check's USERNAME is for these credentials: they stand before the colon.</summary>
    internal bool AreNamedBy(ReadOnlySpan<byte> username) => username.StartsWith(_usernamePrefix);
}
