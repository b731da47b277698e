namespace V100.Sfu.Sdp;

/// <summary>Chooses from the payload types of a section what is forwarded.</summary>
internal static class CodecNegotiation
{
    /// <summary>Fills the section's codecs, which stay empty where none is known. False for a malformed parameter.</summary>
    public static bool TryNegotiate(MediaOffer offer, MediaSection section, out SdpError error)
    {
        if (!TryReadRetransmissions(offer, out int[] rtxByPayloadType, out error))
        {
            return false;
        }

        var codecs = new List<NegotiatedCodec>();
        CodecFeedback feedback = AcceptedFeedback(offer, section);
        foreach (OfferedCodec offered in offer.Codecs)
        {
            if (!TryBuild(offer, offered, rtxByPayloadType[offered.PayloadType], feedback, out NegotiatedCodec? codec, out error))
            {
                return false;
            }

            if (codec is not null)
            {
                codecs.Add(codec);
            }
        }

        int[] opus = [.. codecs.FindAll(codec => codec.Kind == CodecKind.Opus).ConvertAll(codec => (int)codec.PayloadType)];
        codecs.RemoveAll(codec => codec.Kind == CodecKind.Red && Array.IndexOf(opus, codec.RedPayloadType) < 0);
        if (section.IsReceived)
        {
            PreferConstrainedBaseline(codecs);
        }

        section.SetCodecs([.. codecs]);
        return true;
    }

    /// <summary>
    /// Every H.264 receiver decodes constrained baseline, while Chromium names baseline first and Firefox does not take it.
    /// The places that H.264 has among the other codecs stay.
    /// </summary>
    private static void PreferConstrainedBaseline(List<NegotiatedCodec> codecs)
    {
        List<NegotiatedCodec> variants = codecs.FindAll(codec => codec.Kind == CodecKind.H264);
        List<NegotiatedCodec> preferred = variants.FindAll(IsConstrainedBaseline);
        preferred.AddRange(variants.FindAll(codec => !IsConstrainedBaseline(codec)));
        int next = 0;
        for (int i = 0; i < codecs.Count; i++)
        {
            if (codecs[i].Kind == CodecKind.H264)
            {
                codecs[i] = preferred[next++];
            }
        }
    }

    private static bool IsConstrainedBaseline(NegotiatedCodec codec) => codec.H264Level.Profile == H264Profile.ConstrainedBaseline;

    private static CodecFeedback AcceptedFeedback(MediaOffer offer, MediaSection section)
    {
        if (section.Direction == MediaDirection.Inactive)
        {
            return CodecFeedback.None;
        }

        // Transport-wide feedback counts packets by the header extension, so that it is nothing without it.
        bool numbered = section.IsReceived && section.ReceivedExtensions.IdOf(HeaderExtensionKind.TransportCc) != 0
            || section.IsSent && section.SentExtensions.IdOf(HeaderExtensionKind.TransportCc) != 0;
        CodecFeedback accepted = CodecFeedback.Nack | CodecFeedback.Pli | CodecFeedback.Fir | CodecFeedback.Remb;
        accepted |= numbered ? CodecFeedback.TransportCc : CodecFeedback.None;
        if (section.IsSent && !section.IsReceived && !offer.Codecs.Exists(codec => (codec.Feedback & CodecFeedback.TransportCc) != 0))
        {
            accepted |= CodecFeedback.CongestionControl;
        }

        return accepted;
    }

    private static bool TryReadRetransmissions(MediaOffer offer, out int[] rtxByPayloadType, out SdpError error)
    {
        rtxByPayloadType = new int[128];
        rtxByPayloadType.AsSpan().Fill(-1);
        error = default;
        foreach (OfferedCodec rtx in offer.Codecs)
        {
            if (!rtx.IsRtx)
            {
                continue;
            }

            // RFC 4588, 8.1: apt is required.
            if (!rtx.Parameters.TryGet("apt", out ReadOnlySpan<char> apt) || !SdpFields.TryParseNumber(apt, 127, out uint payloadType))
            {
                error = rtx.ParametersLine is { } line
                    ? SdpError.Malformed(line, "apt=<payload type> in the parameters of rtx")
                    : SdpError.Malformed(
                        offer.Description.Line,
                        $"rtx payload type {rtx.PayloadType} without a=fmtp",
                        $"a=fmtp:{rtx.PayloadType} apt=<payload type>");
                return false;
            }

            bool usable = !IsRtcpConflict(rtx.PayloadType) && offer.FindCodec(payloadType)?.ClockRateHz == rtx.ClockRateHz;
            if (usable && rtxByPayloadType[payloadType] < 0)
            {
                rtxByPayloadType[payloadType] = rtx.PayloadType;
            }
        }

        return true;
    }

    /// <summary>RFC 5761, 4: with RTP and RTCP on one port, these payload types look like RTCP packet types.</summary>
    private static bool IsRtcpConflict(byte payloadType) => payloadType is >= 64 and <= 95;

    private static bool TryBuild(
        MediaOffer offer, OfferedCodec offered, int rtx, CodecFeedback accepted, out NegotiatedCodec? codec, out SdpError error)
    {
        codec = null;
        error = default;
        CodecKind kind = offered.KindIn(offer.Kind);
        if (kind == CodecKind.Unknown || IsRtcpConflict(offered.PayloadType))
        {
            return true;
        }

        if (!CodecParameters.TryRead(kind, offered, out CodecParameters parameters, out string allowed))
        {
            error = SdpError.Malformed(offered.ParametersLine!.Value, allowed);
            return false;
        }

        if (!parameters.IsForwarded)
        {
            return true;
        }

        CodecFeedback feedback = offered.Feedback & accepted;
        if ((feedback & CodecFeedback.TransportCc) != 0)
        {
            feedback &= ~CodecFeedback.Remb;
        }

        codec = new NegotiatedCodec
        {
            Kind = kind,
            Name = offered.Name!,
            PayloadType = offered.PayloadType,
            ClockRateHz = offered.ClockRateHz,
            Channels = offered.Channels,
            Parameters = offered.Parameters,
            AnsweredParameters = parameters.Answered,
            RtxPayloadType = rtx,
            Feedback = feedback,
            H264Level = parameters.H264Level,
            HasH264Level = parameters.HasH264Level,
            PacketizationMode = parameters.PacketizationMode,
            Profile = parameters.Profile,
            RedPayloadType = parameters.RedPayloadType,
        };
        return true;
    }
}
