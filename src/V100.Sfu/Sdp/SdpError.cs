namespace V100.Sfu.Sdp;

public enum SdpErrorKind : byte
{
    None,

    /// <summary>The text breaks the grammar of SDP or of an attribute that is read; <see cref="SdpError.Line"/> names the line.</summary>
    Malformed,

    /// <summary>The text is well formed, but nothing in it can be accepted, or something that is required is missing.</summary>
    NotAcceptable,
}

/// <summary>Why a description was refused. <c>default</c> means no error.</summary>
/// <param name="Kind">What an HTTP front end maps to a status.</param>
/// <param name="Line">The line, counted from 1; 0 where no single line is to blame.</param>
/// <param name="Message">A whole sentence that names the line, quotes what was found and says what is allowed.</param>
public readonly record struct SdpError(SdpErrorKind Kind, int Line, string Message)
{
    private const int MaxQuotedLength = 80;

    internal static SdpError Malformed(int line, ReadOnlySpan<char> found, string allowed) =>
        new(SdpErrorKind.Malformed, line, $"Line {line}: found {Quote(found)}; expected {allowed}.");

    internal static SdpError Malformed(in SdpAttribute attribute, string allowed) =>
        Malformed(attribute.Line, attribute.ToString(), allowed);

    internal static SdpError NotAcceptable(int line, string message) =>
        new(SdpErrorKind.NotAcceptable, line, line == 0 ? message : $"Line {line}: {message}");

    /// <summary>Quotes text of the peer: cut to a bounded length, control characters replaced.</summary>
    internal static string Quote(ReadOnlySpan<char> text)
    {
        bool cut = text.Length > MaxQuotedLength;
        Span<char> quoted = stackalloc char[MaxQuotedLength];
        int length = 0;
        foreach (char c in cut ? text[..MaxQuotedLength] : text)
        {
            quoted[length++] = char.IsControl(c) || char.IsSurrogate(c) ? '?' : c;
        }

        return $"\"{quoted[..length]}{(cut ? "…" : "")}\"";
    }
}
