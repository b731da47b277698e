using System.Text;

namespace V100.Sfu.Sdp;

/// <summary>The parameters of an <c>a=fmtp</c> line, a view of <c>name=value;name=value</c>. <c>default</c> has none.</summary>
/// <param name="Text">What stands after the payload type.</param>
public readonly record struct FormatParameters(string? Text)
{
    /// <summary>Finds a parameter by its name, which is compared without case as media types are (RFC 6838, 4.3).</summary>
    public bool TryGet(ReadOnlySpan<char> name, out ReadOnlySpan<char> value)
    {
        var parameters = new SdpFields(Text, ';');
        while (parameters.TryNext(out ReadOnlySpan<char> parameter))
        {
            SdpFields.Cut(parameter, '=', out ReadOnlySpan<char> found, out value);
            if (found.Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                value = value.Trim();
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>A number, or what holds when the parameter is absent. False when it is there and no number up to the maximum.</summary>
    public bool TryGetNumber(ReadOnlySpan<char> name, uint absent, uint maximum, out uint value)
    {
        value = absent;
        return !TryGet(name, out ReadOnlySpan<char> text) || SdpFields.TryParseNumber(text, maximum, out value);
    }

    /// <summary>The parameters whose names are kept, in their order, separated by <c>;</c>; null when none is left.</summary>
    internal string? Keep(Func<string, bool> keeps)
    {
        var kept = new StringBuilder();
        var parameters = new SdpFields(Text, ';');
        while (parameters.TryNext(out ReadOnlySpan<char> parameter))
        {
            SdpFields.Cut(parameter, '=', out ReadOnlySpan<char> name, out _);
            if (keeps(name.Trim().ToString()))
            {
                kept.Append(kept.Length == 0 ? "" : ";").Append(parameter.Trim());
            }
        }

        return kept.Length == 0 ? null : kept.ToString();
    }
}
