namespace V100.Sfu.Sdp;

/// <summary>The RTP header extensions that are known by URI (RFC 8285).</summary>
public enum HeaderExtensionKind : byte
{
    None,
    Mid,
    Rid,
    RepairedRid,
    AudioLevel,
    AbsSendTime,
    AbsCaptureTime,
    TransportCc,
    VideoOrientation,
    PlayoutDelay,
    TransmissionOffset,
    DependencyDescriptor,
    VideoLayersAllocation,
    ColorSpace,
    VideoContentType,
    VideoTiming,
}

/// <summary>The URIs of the header extensions.</summary>
public static class HeaderExtensionUri
{
    private static readonly string[] s_byKind =
    [
        "",
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "urn:3gpp:video-orientation",
        "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        "urn:ietf:params:rtp-hdrext:toffset",
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
        "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    ];

    /// <summary>How many kinds there are, <see cref="HeaderExtensionKind.None"/> included.</summary>
    public const int KindCount = (int)HeaderExtensionKind.VideoTiming + 1;

    public static string Of(HeaderExtensionKind kind) => s_byKind[(int)kind];

    public static HeaderExtensionKind KindOf(ReadOnlySpan<char> uri)
    {
        for (int kind = 1; kind < s_byKind.Length; kind++)
        {
            if (uri.SequenceEqual(s_byKind[kind]))
            {
                return (HeaderExtensionKind)kind;
            }
        }

        return HeaderExtensionKind.None;
    }
}
