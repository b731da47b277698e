using System.Diagnostics.CodeAnalysis;

namespace V100.Sfu.Sdp;

/// <summary>Finds the payload type under which a published stream can be sent to a subscriber without decoding it.</summary>
public static class CodecMatch
{
    /// <summary>
    /// Takes the subscriber's first codec of the same kind and profile; for H.264, if there is none, the first whose decoder
    /// takes the published profile as well. Redundant audio goes to who takes none as the Opus within. False when the subscriber has none: it cannot play this stream.
    /// </summary>
    /// <param name="published">What the publisher sends.</param>
    /// <param name="subscriber">A section on which this server sends.</param>
    /// <param name="codec">A codec of the subscriber's section, with its payload types and feedback.</param>
    public static bool TryFind(NegotiatedCodec published, MediaSection subscriber, [NotNullWhen(true)] out NegotiatedCodec? codec)
    {
        for (Strictness strictness = Strictness.Same; strictness <= Strictness.Unstated; strictness++)
        {
            foreach (NegotiatedCodec candidate in subscriber.Codecs)
            {
                if (candidate.Kind == KindFor(published.Kind, strictness) && Matches(published, candidate, strictness))
                {
                    codec = candidate;
                    return true;
                }
            }
        }

        codec = null;
        return false;
    }

    private enum Strictness
    {
        Same,
        Decodable,
        Unstated,
    }

    // RED is accepted around Opus alone, so that who takes RED takes the Opus within.
    private static CodecKind KindFor(CodecKind published, Strictness strictness) =>
        strictness == Strictness.Decodable && published == CodecKind.Red ? CodecKind.Opus : published;

    private static bool Matches(NegotiatedCodec published, NegotiatedCodec candidate, Strictness strictness) => published.Kind switch
    {
        // RFC 9628, 6.2 and the AV1 RTP specification, 7.2.3: the profile cannot be negotiated down.
        CodecKind.Vp9 or CodecKind.Av1 => published.Profile == candidate.Profile,
        CodecKind.H264 => MatchesH264(published, candidate, strictness),

        // RED is accepted around Opus alone, so that the inner codecs are the same.
        _ => true,
    };

    private static bool MatchesH264(NegotiatedCodec published, NegotiatedCodec candidate, Strictness strictness) => strictness switch
    {
        // RFC 6184, 8.2.2: profile and packetization mode are symmetric, the level need not be.
        Strictness.Same =>
            published.H264Level.HasProfileOf(candidate.H264Level) && published.PacketizationMode == candidate.PacketizationMode,

        // A receiver of a larger profile decodes the smaller one, and one of mode 1 takes single NAL unit packets (RFC 6184, 6.3).
        Strictness.Decodable =>
            published.H264Level.IsSubsetOf(candidate.H264Level) && published.PacketizationMode <= candidate.PacketizationMode,

        // A receiver that states no profile (GStreamer) takes its parameters from the stream.
        _ => !candidate.HasH264Level,
    };
}
