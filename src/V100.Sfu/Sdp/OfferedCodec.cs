namespace V100.Sfu.Sdp;

/// <summary>
/// A payload type of an offered section: its <c>a=rtpmap</c>, <c>a=fmtp</c> and <c>a=rtcp-fb</c> lines (RFC 8866, 6.6; RFC 4585, 4.2).
/// </summary>
internal sealed class OfferedCodec
{
    public required byte PayloadType { get; init; }

    /// <summary>Null for a static payload type without <c>a=rtpmap</c>.</summary>
    public string? Name { get; private set; }

    public int ClockRateHz { get; private set; }
    public int Channels { get; private set; } = 1;
    public FormatParameters Parameters { get; private set; }
    public CodecFeedback Feedback { get; set; }

    /// <summary>The <c>a=fmtp</c> line, null where there is none.</summary>
    public SdpAttribute? ParametersLine { get; private set; }

    public bool IsRtx => string.Equals(Name, "rtx", StringComparison.OrdinalIgnoreCase);

    /// <param name="attribute">The line.</param>
    /// <param name="mapping">What stands after the payload type.</param>
    /// <param name="error">Why the line is malformed.</param>
    public bool TryReadMapping(in SdpAttribute attribute, ReadOnlySpan<char> mapping, out SdpError error)
    {
        // RFC 8866, 6.6: <encoding name>/<clock rate>[/<channels>]
        SdpFields.Cut(mapping, '/', out ReadOnlySpan<char> name, out ReadOnlySpan<char> rest);
        SdpFields.Cut(rest, '/', out ReadOnlySpan<char> clock, out ReadOnlySpan<char> channelText);
        uint channels = 1;
        bool hasChannels = clock.Length < rest.Length;
        if (!SdpFields.IsToken(name) || !SdpFields.TryParseNumber(clock, 1_000_000, out uint clockRateHz) || clockRateHz == 0
            || (hasChannels && (!SdpFields.TryParseNumber(channelText, 255, out channels) || channels == 0)))
        {
            error = SdpError.Malformed(attribute, "a=rtpmap:<payload type> <name>/<clock rate>[/<channels>]");
            return false;
        }

        error = default;
        if (Name is null)
        {
            Name = name.ToString();
            ClockRateHz = (int)clockRateHz;
            Channels = (int)channels;
        }

        return true;
    }

    public void SetParameters(in SdpAttribute attribute, ReadOnlySpan<char> parameters)
    {
        Parameters = new FormatParameters(parameters.ToString());
        ParametersLine = attribute;
    }

    /// <param name="text">Behind the payload type.</param>
    /// <param name="isForAll">The payload type is the wildcard.</param>
    public static CodecFeedback FeedbackOf(ReadOnlySpan<char> text, bool isForAll) => text switch
    {
        "nack" => CodecFeedback.Nack,
        "nack pli" => CodecFeedback.Pli,
        "ccm fir" => CodecFeedback.Fir,
        "transport-cc" => CodecFeedback.TransportCc,
        "goog-remb" => CodecFeedback.Remb,

        // RFC 8888, 6: the payload type must be the wildcard.
        "ack ccfb" when isForAll => CodecFeedback.CongestionControl,
        _ => CodecFeedback.None,
    };

    public CodecKind KindIn(MediaKind media) => (media, Name?.ToUpperInvariant(), ClockRateHz) switch
    {
        // RFC 7587, 7: always 48000/2, however many channels are sent.
        (MediaKind.Audio, "OPUS", 48_000) when Channels == 2 => CodecKind.Opus,
        (MediaKind.Audio, "RED", 48_000) => CodecKind.Red,
        (MediaKind.Video, "VP8", 90_000) => CodecKind.Vp8,
        (MediaKind.Video, "VP9", 90_000) => CodecKind.Vp9,
        (MediaKind.Video, "H264", 90_000) => CodecKind.H264,
        (MediaKind.Video, "AV1", 90_000) => CodecKind.Av1,
        _ => CodecKind.Unknown,
    };
}
