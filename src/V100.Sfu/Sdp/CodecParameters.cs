namespace V100.Sfu.Sdp;

/// <summary>The parameters of one codec, read by its payload format, and what the answer says of them.</summary>
internal readonly record struct CodecParameters
{
    /// <summary>False for a variant that is not forwarded.</summary>
    public bool IsForwarded { get; init; }

    public string? Answered { get; init; }
    public H264ProfileLevel H264Level { get; init; }
    public bool HasH264Level { get; init; }
    public int PacketizationMode { get; init; }
    public int Profile { get; init; }
    public int RedPayloadType { get; init; }

    /// <param name="kind">The payload format.</param>
    /// <param name="codec">With the parameters of the offer.</param>
    /// <param name="parameters">What they mean.</param>
    /// <param name="allowed">What would be well-formed, when the result is false.</param>
    public static bool TryRead(CodecKind kind, OfferedCodec codec, out CodecParameters parameters, out string allowed)
    {
        FormatParameters offered = codec.Parameters;
        parameters = new CodecParameters { IsForwarded = true, RedPayloadType = -1 };
        allowed = "";
        switch (kind)
        {
            case CodecKind.Opus:
                // RFC 7587, 7: sprop- parameters describe the one who writes them; the others are a wish that subscribers share.
                parameters = parameters with { Answered = offered.Keep(name => !IsOfSender(name)) };
                return true;
            case CodecKind.Red:
                parameters = parameters with { Answered = offered.Text, RedPayloadType = ReadRed(offered.Text) };
                return true;
            case CodecKind.Vp9:
                // RFC 9628, 6: profiles 1 and 3 (other chroma formats) are not forwarded, since no browser sends them.
                allowed = "profile-id from 0 to 3";
                bool isVp9 = offered.TryGetNumber("profile-id", 0, 3, out uint vp9);
                parameters = parameters with
                {
                    IsForwarded = vp9 is 0 or 2,
                    Profile = (int)vp9,
                    Answered = offered.Keep(name => Is(name, "profile-id")),
                };
                return isVp9;
            case CodecKind.Av1:
                allowed = "profile from 0 to 2";
                bool isAv1 = offered.TryGetNumber("profile", 0, 2, out uint av1);
                parameters = parameters with
                {
                    Profile = (int)av1,
                    Answered = offered.Keep(name => Is(name, "profile") || Is(name, "level-idx") || Is(name, "tier")),
                };
                return isAv1;
            case CodecKind.H264:
                return TryReadH264(offered, ref parameters, out allowed);
            default:
                // VP8's max-fs and max-fr (RFC 7741, 6.1) bound what the one who writes them can decode; a forwarder has no bound.
                return true;
        }
    }

    private static bool TryReadH264(FormatParameters offered, ref CodecParameters parameters, out string allowed)
    {
        allowed = "profile-level-id as 6 hexadecimal digits and packetization-mode from 0 to 2";
        bool hasLevel = offered.TryGet("profile-level-id", out ReadOnlySpan<char> text);
        H264ProfileLevel level = H264ProfileLevel.Absent;
        if ((hasLevel && !H264ProfileLevel.TryParse(text, out level)) || !offered.TryGetNumber("packetization-mode", 0, 2, out uint mode))
        {
            return false;
        }

        parameters = parameters with
        {
            // RFC 6184, 5.4: mode 2 is for interleaved transmission, which real-time senders do not use.
            IsForwarded = mode < 2,
            H264Level = level,
            HasH264Level = hasLevel,
            PacketizationMode = (int)mode,
            Answered = offered.Keep(
                name => Is(name, "level-asymmetry-allowed") || Is(name, "packetization-mode") || Is(name, "profile-level-id")),
        };
        return true;
    }

    /// <summary>The one payload type within RED, such as 111 in <c>111/111</c>; -1 where it is not one.</summary>
    private static int ReadRed(string? text)
    {
        int red = -1;
        var blocks = new SdpFields(text, '/');
        while (blocks.TryNext(out ReadOnlySpan<char> block))
        {
            if (!SdpFields.TryParseNumber(block, 127, out uint payloadType) || (red >= 0 && red != payloadType))
            {
                return -1;
            }

            red = (int)payloadType;
        }

        return red;
    }

    private static bool IsOfSender(string name) => name.StartsWith("sprop-", StringComparison.OrdinalIgnoreCase);

    private static bool Is(string name, string expected) => name.Equals(expected, StringComparison.OrdinalIgnoreCase);
}
