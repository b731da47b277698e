using System.Globalization;
using System.Text;

namespace V100.Sfu.Sdp;

/// <summary>Writes a description as text with CRLF line ends (RFC 8866, 5).</summary>
public static class SdpWriter
{
    public static string Write(SessionDescription description)
    {
        var text = new StringBuilder(4096);
        Line(text, "v=0");
        Line(text, $"o={description.Origin}");
        Line(text, $"s={description.Name}");
        if (description.Connection is not null)
        {
            Line(text, $"c={description.Connection}");
        }

        Line(text, "t=0 0");
        WriteAttributes(text, description.Attributes);
        foreach (MediaDescription media in description.Media)
        {
            WriteMedia(text, media);
        }

        return text.ToString();
    }

    internal static void WriteMedia(StringBuilder text, MediaDescription media)
    {
        text.Append(CultureInfo.InvariantCulture, $"m={media.Media} {media.Port} {media.Protocol}");
        foreach (string format in media.Formats)
        {
            text.Append(' ').Append(format);
        }

        text.Append("\r\n");
        if (media.Connection is not null)
        {
            Line(text, $"c={media.Connection}");
        }

        if (media.MaxBitrateBps > 0)
        {
            Line(text, $"b=TIAS:{media.MaxBitrateBps}");
        }

        WriteAttributes(text, media.Attributes);
    }

    internal static void WriteAttributes(StringBuilder text, List<SdpAttribute> attributes)
    {
        foreach (SdpAttribute attribute in attributes)
        {
            Line(text, attribute.ToString());
        }
    }

    private static void Line(StringBuilder text, string line) => text.Append(line).Append("\r\n");
}
