namespace V100.Sfu.Sdp;

/// <summary>A cursor over the lines of a description; CRLF and bare LF both end a line. Empty lines at the end do not count.</summary>
internal ref struct SdpLines
{
    private ReadOnlySpan<char> _rest;
    private bool _atEnd;

    public SdpLines(ReadOnlySpan<char> text)
    {
        _rest = text.TrimEnd("\r\n");
        _atEnd = _rest.IsEmpty;
    }

    /// <summary>Of the line that was read last, counted from 1.</summary>
    public int Number { get; private set; }

    public bool TryNext(out ReadOnlySpan<char> line)
    {
        if (_atEnd)
        {
            line = default;
            return false;
        }

        Number++;
        int end = _rest.IndexOf('\n');
        line = end < 0 ? _rest : _rest[..end];
        _atEnd = end < 0;
        _rest = end < 0 ? default : _rest[(end + 1)..];
        if (line.EndsWith('\r'))
        {
            line = line[..^1];
        }

        return true;
    }

    /// <summary>The checks that hold for each line of SDP: its form, and the bounds of the text.</summary>
    public readonly bool TryCheck(ReadOnlySpan<char> line, out SdpError error)
    {
        if (Number > SdpLimits.MaxLines)
        {
            error = SdpError.Malformed(Number, line, $"at most {SdpLimits.MaxLines} lines");
            return false;
        }

        // RFC 8866, 5: <type>=<value>, with no white space beside the equals sign.
        if (line.Length < 2 || line[1] != '=' || !char.IsAsciiLetterLower(line[0]))
        {
            error = SdpError.Malformed(Number, line, "a line of the form <letter>=<value>");
            return false;
        }

        // RFC 8866, 9: byte-string holds neither NUL nor CR.
        bool clean = line.IndexOfAny('\0', '\r') < 0;
        error = clean ? default : SdpError.Malformed(Number, line, "no NUL and no carriage return inside a line");
        return clean;
    }

    /// <summary>Checks the bound of the whole text; the error names the line in which it is passed.</summary>
    public static bool TryCheckLength(ReadOnlySpan<char> text, out SdpError error)
    {
        if (text.Length <= SdpLimits.MaxLength)
        {
            error = default;
            return true;
        }

        int line = text[..SdpLimits.MaxLength].Count('\n') + 1;
        error = SdpError.Malformed(line, $"{text.Length} characters", $"at most {SdpLimits.MaxLength} characters");
        return false;
    }
}
