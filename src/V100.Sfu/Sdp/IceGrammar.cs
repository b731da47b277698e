using System.Buffers;

namespace V100.Sfu.Sdp;

/// <summary>The grammar of <c>a=ice-ufrag</c> and <c>a=ice-pwd</c> (RFC 8839, 5.4).</summary>
public static class IceGrammar
{
    public const int MinUfragLength = 4;
    public const int MinPasswordLength = 22;
    public const int MaxLength = 256;

    internal const string UfragGrammar = "4 to 256 of A-Z a-z 0-9 + /";
    internal const string PasswordGrammar = "22 to 256 of A-Z a-z 0-9 + /";

    private static readonly SearchValues<char> s_iceCharacters =
        SearchValues.Create("+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    internal static bool IsIceCharacters(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(s_iceCharacters);

    public static bool IsUfrag(ReadOnlySpan<char> text) =>
        text.Length is >= MinUfragLength and <= MaxLength && !text.ContainsAnyExcept(s_iceCharacters);

    public static bool IsPassword(ReadOnlySpan<char> text) =>
        text.Length is >= MinPasswordLength and <= MaxLength && !text.ContainsAnyExcept(s_iceCharacters);
}
