using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace V100.Sfu.Sdp;

/// <summary>
/// Reads the text of a session description into its lines (RFC 8866). Never throws on any text; what is malformed is
/// named by line. Attributes are not interpreted here: <see cref="OfferAnswer"/> does that.
/// </summary>
public static class SdpReader
{
    private const string SessionLetters = "vosiuepcbtrzka";
    private const string MediaLetters = "icbka";

    public static bool TryRead(string text, [NotNullWhen(true)] out SessionDescription? description, out SdpError error)
    {
        description = null;
        if (!SdpLines.TryCheckLength(text, out error))
        {
            return false;
        }

        var session = new SessionDescription();
        var lines = new SdpLines(text);
        MediaDescription? media = null;
        bool hasTiming = false;
        while (lines.TryNext(out ReadOnlySpan<char> line))
        {
            if (!lines.TryCheck(line, out error) || !TryCheckLetter(line, lines.Number, media is not null, out error))
            {
                return false;
            }

            if (line[0] == 'm')
            {
                if (!TryReadMedia(line, lines.Number, session, out media, out error))
                {
                    return false;
                }
            }
            else if (!TryReadLine(line, lines.Number, session, media, out error))
            {
                return false;
            }

            hasTiming |= line[0] == 't';
        }

        // RFC 8866, 9: v=, o=, s= and at least one t= are required.
        if (lines.Number < 3 || !hasTiming)
        {
            string missing = lines.Number < 3 ? "v=, o=, s= and t= lines" : "a t= line before it";
            error = SdpError.Malformed(lines.Number + 1, "the end of the description", missing);
            return false;
        }

        description = session;
        return true;
    }

    private static bool TryCheckLetter(ReadOnlySpan<char> line, int number, bool inMedia, out SdpError error)
    {
        // RFC 8866, 5: v=, o= and s= come first, in this order, once.
        if (number <= 3)
        {
            char expected = "vos"[number - 1];
            error = line[0] == expected ? default : SdpError.Malformed(number, line, $"{expected}= as line {number}");
            return line[0] == expected;
        }

        bool allowed = line[0] == 'm' || (inMedia ? MediaLetters : SessionLetters.AsSpan(3)).Contains(line[0]);
        error = allowed
            ? default
            : SdpError.Malformed(
                number,
                line,
                inMedia
                    ? "one of i= c= b= k= a= m= within a media section"
                    : "one of i= u= e= p= c= b= t= r= z= k= a= m= before the first media section");
        return allowed;
    }

    private static bool TryReadLine(
        ReadOnlySpan<char> line, int number, SessionDescription session, MediaDescription? media, out SdpError error)
    {
        ReadOnlySpan<char> value = line[2..];
        switch (line[0])
        {
            case 'v' when !value.SequenceEqual("0"):
                error = SdpError.Malformed(number, line, "v=0");
                return false;
            case 'o':
                session.Origin = value.ToString();
                return TryCheckOrigin(line, number, out error);
            case 's':
                session.Name = value.ToString();
                break;
            case 'c' when media is null:
                session.Connection = value.ToString();
                break;
            case 'c':
                media.Connection = value.ToString();
                break;
            case 'b':
                return TryReadBandwidth(line, number, media, out error);
            case 't':
                return TryCheckTiming(line, number, out error);
            case 'a':
                return TryReadAttribute(line, number, media is null ? session.Attributes : media.Attributes, out error);
        }

        error = default;
        return true;
    }

    private static bool TryCheckOrigin(ReadOnlySpan<char> line, int number, out SdpError error)
    {
        // RFC 8866, 5.2.
        var fields = new SdpFields(line[2..]);
        bool valid = fields.TryNext(out _)
            && IsLong(ref fields) && IsLong(ref fields)
            && fields.TryNext(out _) && fields.TryNext(out _) && fields.TryNext(out _) && fields.Rest.IsEmpty;
        error = valid
            ? default
            : SdpError.Malformed(number, line, "o=<username> <64-bit session id> <64-bit version> IN <IP4 or IP6> <address>");
        return valid;
    }

    private static bool TryCheckTiming(ReadOnlySpan<char> line, int number, out SdpError error)
    {
        // RFC 8866, 5.9.
        var fields = new SdpFields(line[2..]);
        bool valid = IsLong(ref fields) && IsLong(ref fields) && fields.Rest.IsEmpty;
        error = valid ? default : SdpError.Malformed(number, line, "t=<start> <stop> as numbers, such as t=0 0");
        return valid;
    }

    private static bool IsLong(ref SdpFields fields) => fields.TryNext(out ReadOnlySpan<char> field)
        && ulong.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static bool TryReadBandwidth(ReadOnlySpan<char> line, int number, MediaDescription? media, out SdpError error)
    {
        // RFC 8866, 5.8: AS in kbit/s; RFC 3890: TIAS in bit/s. Other modifiers are ignored.
        SdpFields.Cut(line[2..], ':', out ReadOnlySpan<char> modifier, out ReadOnlySpan<char> text);
        if (!SdpFields.IsToken(modifier) || !SdpFields.TryParseNumber(text, uint.MaxValue, out uint value))
        {
            error = SdpError.Malformed(number, line, "b=<modifier>:<bandwidth as a number>");
            return false;
        }

        if (media is not null && modifier.SequenceEqual("TIAS"))
        {
            media.MaxBitrateBps = value;
        }
        else if (media is { MaxBitrateBps: 0 } && modifier.SequenceEqual("AS"))
        {
            media.MaxBitrateBps = value * 1000L;
        }

        error = default;
        return true;
    }

    internal static bool TryReadAttribute(ReadOnlySpan<char> line, int number, List<SdpAttribute> attributes, out SdpError error)
    {
        int colon = line.IndexOf(':');
        ReadOnlySpan<char> name = colon < 0 ? line[2..] : line[2..colon];
        if (!SdpFields.IsToken(name))
        {
            error = SdpError.Malformed(number, line, "a=<name> or a=<name>:<value>, the name a token of RFC 8866");
            return false;
        }

        if (attributes.Count == SdpLimits.MaxAttributesPerSection)
        {
            error = SdpError.Malformed(number, line, $"at most {SdpLimits.MaxAttributesPerSection} attributes in one section");
            return false;
        }

        attributes.Add(new SdpAttribute(name.ToString(), colon < 0 ? null : line[(colon + 1)..].ToString(), number));
        error = default;
        return true;
    }

    internal static bool TryReadMedia(
        ReadOnlySpan<char> line, int number, SessionDescription session, out MediaDescription? media, out SdpError error)
    {
        // RFC 8866, 5.14: m=<media> <port>[/<number of ports>] <proto> <fmt> ...
        media = null;
        var fields = new SdpFields(line[2..]);
        if (!fields.TryNext(out ReadOnlySpan<char> kind) || !SdpFields.IsToken(kind)
            || !fields.TryNextNumber(ushort.MaxValue, out uint port)
            || !fields.TryNext(out ReadOnlySpan<char> protocol) || !IsProtocol(protocol))
        {
            error = SdpError.Malformed(number, line, "m=<media> <port 0 to 65535> <protocol> <formats>");
            return false;
        }

        if (session.Media.Count == SdpLimits.MaxSections)
        {
            error = SdpError.Malformed(number, line, $"at most {SdpLimits.MaxSections} media sections");
            return false;
        }

        media = new MediaDescription { Line = number, Media = kind.ToString(), Port = (ushort)port, Protocol = protocol.ToString() };
        while (fields.TryNext(out ReadOnlySpan<char> format))
        {
            if (!SdpFields.IsToken(format) || media.Formats.Count == SdpLimits.MaxFormatsPerSection)
            {
                error = SdpError.Malformed(
                    number, format, $"a format that is a token, and at most {SdpLimits.MaxFormatsPerSection} of them");
                return false;
            }

            media.Formats.Add(format.ToString());
        }

        session.Media.Add(media);
        bool hasFormat = media.Formats.Count > 0;
        error = hasFormat ? default : SdpError.Malformed(number, line, "at least one format after the protocol");
        return hasFormat;
    }

    private static bool IsProtocol(ReadOnlySpan<char> protocol)
    {
        var parts = new SdpFields(protocol, '/');
        while (parts.TryNext(out ReadOnlySpan<char> part))
        {
            if (!SdpFields.IsToken(part))
            {
                return false;
            }
        }

        return protocol[0] != '/' && protocol[^1] != '/';
    }
}
