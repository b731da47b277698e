namespace V100.Sfu.Sdp;

/// <summary>
/// Collects <c>a=rid</c> (RFC 8851) and <c>a=simulcast</c> (RFC 8853) of one section: the layers that the client would send.
/// </summary>
internal sealed class SimulcastOffer
{
    private readonly List<string> _sentRids = [];
    private List<string>? _simulcast;
    private int _rids;

    public bool TryReadRid(in SdpAttribute attribute, out SdpError error)
    {
        // RFC 8851, 10: a=rid:<id> <send or recv> [<restrictions>]
        var fields = new SdpFields(attribute.Value);
        if (!fields.TryNext(out ReadOnlySpan<char> rid) || !SdpFields.IsToken(rid)
            || !fields.TryNext(out ReadOnlySpan<char> direction) || !IsDirection(direction))
        {
            error = SdpError.Malformed(attribute, "a=rid:<id> send or a=rid:<id> recv");
            return false;
        }

        if (_rids++ == SdpLimits.MaxRidsPerSection)
        {
            error = SdpError.Malformed(attribute, $"at most {SdpLimits.MaxRidsPerSection} a=rid lines in one section");
            return false;
        }

        if (direction is "send")
        {
            _sentRids.Add(rid.ToString());
        }

        error = default;
        return true;
    }

    public bool TryReadSimulcast(in SdpAttribute attribute, out SdpError error)
    {
        // RFC 8853, 5.1: send and recv once each, with streams separated by ";", alternatives by ",", paused marked by "~".
        var fields = new SdpFields(attribute.Value);
        bool valid = false;
        while (fields.TryNext(out ReadOnlySpan<char> direction))
        {
            valid = IsDirection(direction) && fields.TryNext(out ReadOnlySpan<char> list) && TryReadStreams(list, direction is "send");
            if (!valid)
            {
                break;
            }
        }

        error = valid ? default : SdpError.Malformed(attribute, "a=simulcast:send <rid>;<rid> recv <rid>;<rid>, either or both");
        return valid;
    }

    /// <summary>In the order of <c>a=simulcast</c>; without it, of <c>a=rid</c>. Only what both name.</summary>
    public string[] ToArray()
    {
        if (_simulcast is null)
        {
            return [.. _sentRids];
        }

        // RFC 8853, 5.2: an identification that no a=rid of this direction explains is ignored.
        _simulcast.RemoveAll(rid => !_sentRids.Contains(rid));
        return [.. _simulcast];
    }

    private bool TryReadStreams(ReadOnlySpan<char> list, bool sent)
    {
        var rids = new List<string>();
        var streams = new SdpFields(list, ';');
        while (streams.TryNext(out ReadOnlySpan<char> stream))
        {
            SdpFields.Cut(stream, ',', out ReadOnlySpan<char> first, out _);
            ReadOnlySpan<char> rid = first.TrimStart('~');
            if (!SdpFields.IsToken(rid) || rids.Count == SdpLimits.MaxRidsPerSection)
            {
                return false;
            }

            rids.Add(rid.ToString());
        }

        _simulcast = sent ? rids : _simulcast;
        return rids.Count > 0;
    }

    private static bool IsDirection(ReadOnlySpan<char> text) => text is "send" or "recv";
}
