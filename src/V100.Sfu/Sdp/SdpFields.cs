using System.Buffers;
using System.Globalization;

namespace V100.Sfu.Sdp;

/// <summary>A cursor over the fields of one value, separated by spaces (or another character); empty fields are skipped.</summary>
internal ref struct SdpFields(ReadOnlySpan<char> text, char separator = ' ')
{
    // RFC 8866, 9: token-char.
    private static readonly SearchValues<char> s_tokenCharacters = SearchValues.Create(
        "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz{|}~");

    private readonly char _separator = separator;
    private ReadOnlySpan<char> _rest = text;

    /// <summary>What was not read yet, without the spaces around it.</summary>
    public readonly ReadOnlySpan<char> Rest => _rest.Trim(_separator);

    public bool TryNext(out ReadOnlySpan<char> field)
    {
        _rest = _rest.TrimStart(_separator);
        int end = _rest.IndexOf(_separator);
        field = end < 0 ? _rest : _rest[..end];
        _rest = end < 0 ? default : _rest[end..];
        return !field.IsEmpty;
    }

    public bool TryNextNumber(uint maximum, out uint value)
    {
        value = 0;
        return TryNext(out ReadOnlySpan<char> field) && TryParseNumber(field, maximum, out value);
    }

    /// <summary>Digits alone, no sign.</summary>
    public static bool TryParseNumber(ReadOnlySpan<char> text, uint maximum, out uint value) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= maximum;

    public static bool IsToken(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExcept(s_tokenCharacters);

    /// <summary>Cuts <c>before:after</c>; without the separator all is before, and after is empty.</summary>
    public static void Cut(ReadOnlySpan<char> text, char separator, out ReadOnlySpan<char> before, out ReadOnlySpan<char> after)
    {
        int at = text.IndexOf(separator);
        before = at < 0 ? text : text[..at];
        after = at < 0 ? default : text[(at + 1)..];
    }
}
