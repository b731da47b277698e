namespace V100.Sfu.Sdp;

/// <summary>
/// Collects <c>a=ssrc</c>, <c>a=ssrc-group:FID</c> (RFC 5576, 4; RFC 4588, 8.8) and <c>a=ssrc-group:SIM</c>, by which clients without rids
/// name their simulcast encodings, of one section.
/// </summary>
internal sealed class RemoteStreamTable
{
    private readonly List<uint> _ssrcs = [];
    private readonly List<RemoteStream> _pairs = [];
    private readonly List<uint> _simulcast = [];

    /// <summary>The value of the first <c>a=ssrc:… msid:</c>, which clients before RFC 8830 send instead of <c>a=msid</c>.</summary>
    public string? Msid { get; private set; }

    public bool TryReadSsrc(in SdpAttribute attribute, out SdpError error)
    {
        var fields = new SdpFields(attribute.Value);
        if (!fields.TryNextNumber(uint.MaxValue, out uint ssrc) || fields.Rest.IsEmpty)
        {
            error = SdpError.Malformed(attribute, "a=ssrc:<number below 2^32> <attribute>");
            return false;
        }

        SdpFields.Cut(fields.Rest, ':', out ReadOnlySpan<char> name, out ReadOnlySpan<char> value);
        if (name.SequenceEqual("msid"))
        {
            Msid ??= value.ToString();
        }

        return TryAdd(ssrc, attribute, out error);
    }

    public bool TryReadGroup(in SdpAttribute attribute, out SdpError error)
    {
        var fields = new SdpFields(attribute.Value);
        if (!fields.TryNext(out ReadOnlySpan<char> semantics) || !SdpFields.IsToken(semantics))
        {
            error = SdpError.Malformed(attribute, "a=ssrc-group:<semantics> <ssrc> ...");
            return false;
        }

        if (semantics.SequenceEqual("SIM"))
        {
            return TryReadSimulcast(fields, attribute, out error);
        }

        if (!semantics.SequenceEqual("FID"))
        {
            error = default;
            return true;
        }

        if (!fields.TryNextNumber(uint.MaxValue, out uint ssrc) || !fields.TryNextNumber(uint.MaxValue, out uint rtxSsrc)
            || !fields.Rest.IsEmpty || ssrc == rtxSsrc)
        {
            error = SdpError.Malformed(attribute, "a=ssrc-group:FID <ssrc> <another ssrc>");
            return false;
        }

        if (!TryAdd(ssrc, attribute, out error) || !TryAdd(rtxSsrc, attribute, out error))
        {
            return false;
        }

        if (_pairs.Count < SdpLimits.MaxSsrcsPerSection)
        {
            _pairs.Add(new RemoteStream(ssrc, rtxSsrc));
        }

        return true;
    }

    /// <summary>The encodings of <c>a=ssrc-group:SIM</c>, in its order; empty without one.</summary>
    public OfferedEncoding[] SimulcastEncodings()
    {
        var encodings = new List<OfferedEncoding>(_simulcast.Count);
        foreach (uint ssrc in _simulcast)
        {
            encodings.Add(new OfferedEncoding("", ssrc, RtxOf(ssrc)));
        }

        return [.. encodings];
    }

    private bool TryReadSimulcast(SdpFields fields, in SdpAttribute attribute, out SdpError error)
    {
        error = default;
        while (!fields.Rest.IsEmpty)
        {
            if (!fields.TryNextNumber(uint.MaxValue, out uint ssrc))
            {
                error = SdpError.Malformed(attribute, "a=ssrc-group:SIM <ssrc> <ssrc> ...");
                return false;
            }

            if (!TryAdd(ssrc, attribute, out error))
            {
                return false;
            }

            if (_simulcast.Count < SdpLimits.MaxEncodingsPerSection && !_simulcast.Contains(ssrc))
            {
                _simulcast.Add(ssrc);
            }
        }

        return true;
    }

    private uint RtxOf(uint ssrc)
    {
        int paired = _pairs.FindIndex(pair => pair.Ssrc == ssrc);
        return paired < 0 ? 0 : _pairs[paired].RtxSsrc;
    }

    /// <summary>The media streams in the order of the offer, each with the retransmissions that were paired with it first.</summary>
    public RemoteStream[] ToArray()
    {
        var streams = new List<RemoteStream>(_ssrcs.Count);
        foreach (uint ssrc in _ssrcs)
        {
            if (_pairs.FindIndex(pair => pair.RtxSsrc == ssrc) < 0)
            {
                streams.Add(new RemoteStream(ssrc, RtxOf(ssrc)));
            }
        }

        return [.. streams];
    }

    private bool TryAdd(uint ssrc, in SdpAttribute attribute, out SdpError error)
    {
        error = default;
        if (_ssrcs.Contains(ssrc))
        {
            return true;
        }

        if (_ssrcs.Count == SdpLimits.MaxSsrcsPerSection)
        {
            error = SdpError.Malformed(attribute, $"at most {SdpLimits.MaxSsrcsPerSection} SSRCs in one section");
            return false;
        }

        _ssrcs.Add(ssrc);
        return true;
    }
}
