using System.Buffers.Binary;

namespace V100.Sfu.Ice;

/// <summary>
/// A username fragment that this server made: always 8 ice-chars (RFC 8839, 5.4), held as one number, so that the
/// directory finds a peer from the bytes of a USERNAME without a string.
/// </summary>
public readonly record struct IceUfrag(ulong Packed)
{
    /// <summary>Characters of a ufrag: 48 random bits, where RFC 8445, 5.3 asks for 24.</summary>
    public const int Length = 8;

    /// <summary>Random bytes that one ufrag needs.</summary>
    public const int RandomLength = 6;

    /// <param name="random"><see cref="RandomLength"/> bytes from a cryptographic source.</param>
    public static IceUfrag FromRandom(ReadOnlySpan<byte> random)
    {
        Span<byte> characters = stackalloc byte[Length];
        IceChars.Encode(random[..RandomLength], characters);
        return new IceUfrag(BinaryPrimitives.ReadUInt64BigEndian(characters));
    }

    /// <summary>
    /// The fragment that a check's USERNAME names as ours: what stands before the colon (RFC 8445, 7.2.2). False where that
    /// is not 8 bytes long; any 8 bytes are taken, since a directory of what was made here misses on all others.
    /// </summary>
    public static bool TryParseUsername(ReadOnlySpan<byte> username, out IceUfrag ufrag)
    {
        bool parsed = username.Length > Length && username[Length] == (byte)':';
        ufrag = parsed ? new IceUfrag(BinaryPrimitives.ReadUInt64BigEndian(username)) : default;
        return parsed;
    }

    public override string ToString()
    {
        Span<byte> characters = stackalloc byte[Length];
        BinaryPrimitives.WriteUInt64BigEndian(characters, Packed);
        return System.Text.Encoding.ASCII.GetString(characters);
    }
}

/// <summary>The alphabet of ufrags and passwords (RFC 8839, 5.4): letters, digits, + and /.</summary>
internal static class IceChars
{
    private static ReadOnlySpan<byte> Alphabet => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8;

    /// <summary>Each three bytes become four characters.</summary>
    public static void Encode(ReadOnlySpan<byte> random, Span<byte> characters)
    {
        for (int i = 0; i < characters.Length; i++)
        {
            int bit = i * 6;
            int pair = random[bit / 8] << 8 | (bit / 8 + 1 < random.Length ? random[bit / 8 + 1] : 0);
            characters[i] = Alphabet[pair >> (10 - bit % 8) & 0x3F];
        }
    }
}
