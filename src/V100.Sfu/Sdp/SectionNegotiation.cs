using System.Text;

namespace V100.Sfu.Sdp;

/// <summary>Decides on one section alone: direction, header extensions, codecs, or why it is rejected.</summary>
internal static class SectionNegotiation
{
    public static bool TryNegotiate(
        MediaOffer offer,
        int index,
        MediaDirection sessionDirection,
        bool sessionAllowsMixed,
        SessionRole role,
        out MediaSection section,
        out SdpError error)
    {
        string[] msid = (offer.Msid ?? offer.Streams.Msid ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        section = new MediaSection
        {
            Index = index,
            OfferLine = offer.Description.Line,
            Mid = offer.Mid,
            MidUtf8 = Encoding.UTF8.GetBytes(offer.Mid),
            Kind = offer.Kind,
            HasReducedSizeRtcp = offer.HasReducedSizeRtcp,
            AllowsMixedExtensions = sessionAllowsMixed || offer.Transport.AllowsMixedExtensions,
            RemoteStreams = offer.Streams.ToArray(),
            MaxBitrateBps = offer.Description.MaxBitrateBps,

            // RFC 8830, 2: "-" means that the track is in no stream.
            RemoteStreamId = msid.Length > 0 && msid[0] != "-" ? msid[0] : null,
            RemoteTrackId = msid.Length > 1 ? msid[1] : null,
        };

        section.RejectReason = ReasonToReject(offer);
        error = default;
        if (section.IsRejected)
        {
            return true;
        }

        section.Direction = DirectionFor(offer.Transport.ClientDirection ?? sessionDirection, role);
        NegotiateExtensions(offer, section);
        section.Encodings = section.IsReceived ? EncodingsOf(offer, section) : [];
        if (!CodecNegotiation.TryNegotiate(offer, section, out error))
        {
            return false;
        }

        if (section.Codecs.Length == 0)
        {
            Reject(
                section,
                offer.Kind == MediaKind.Audio ? "it offers no Opus" : "it offers none of VP8, VP9 (profile 0 or 2), H264 and AV1");
        }

        return true;
    }

    public static void Reject(MediaSection section, string reason)
    {
        section.RejectReason = reason;
        section.Direction = MediaDirection.Inactive;
        section.SetCodecs([]);
    }

    private static string? ReasonToReject(MediaOffer offer)
    {
        if (offer.Kind == MediaKind.Other)
        {
            return $"{SdpError.Quote(offer.Description.Media)} is neither audio nor video";
        }

        if (!offer.IsRtp)
        {
            return $"its protocol {SdpError.Quote(offer.Description.Protocol)} is not UDP/TLS/RTP/SAVPF";
        }

        // RFC 3264, 5.1: port 0 means unused; RFC 8843, 6: not with a=bundle-only.
        if (offer.Description.Port == 0 && !offer.IsBundleOnly)
        {
            return "it is offered with port 0";
        }

        // RFC 8834, 4.5 requires rtcp-mux of both sides; there is no second port. RFC 8843, 9.3.1.1: a bundle-only section may
        // leave it to the section that carries the transport.
        return offer.HasRtcpMux || offer.IsBundleOnly ? null : "it has no a=rtcp-mux";
    }

    private static MediaDirection DirectionFor(MediaDirection client, SessionRole role)
    {
        // RFC 3264, 6.1: send only what the client receives, receive only what it sends.
        bool receives = (client & MediaDirection.Send) != 0 && (role & SessionRole.Publish) != 0;
        bool sends = (client & MediaDirection.Receive) != 0 && (role & SessionRole.Subscribe) != 0;
        return (receives ? MediaDirection.Receive : MediaDirection.Inactive) | (sends ? MediaDirection.Send : MediaDirection.Inactive);
    }

    /// <summary>Simulcast by rid needs the header extension that carries it (RFC 8853, 5.4); without, the offer's SSRC groups may tell.</summary>
    private static OfferedEncoding[] EncodingsOf(MediaOffer offer, MediaSection section)
    {
        if (section.Kind == MediaKind.Video && section.ReceivedExtensions.IdOf(HeaderExtensionKind.Rid) != 0
            && offer.Simulcast.ToArray() is { Length: > 1 } rids)
        {
            string[] received = rids[..Math.Min(rids.Length, SdpLimits.MaxEncodingsPerSection)];
            return Array.ConvertAll(SimulcastOrder.SmallestFirst(received), rid => new OfferedEncoding(rid, 0, 0));
        }

        if (section.Kind == MediaKind.Video && offer.Streams.SimulcastEncodings() is { Length: > 1 } announced)
        {
            return announced;
        }

        return section.RemoteStreams is [{ } only, ..] ? [new OfferedEncoding("", only.Ssrc, only.RtxSsrc)] : [new OfferedEncoding("", 0, 0)];
    }

    private static void NegotiateExtensions(MediaOffer offer, MediaSection section)
    {
        foreach (OfferedExtension extension in offer.Extensions)
        {
            if (section.IsReceived && (extension.ClientDirection & MediaDirection.Send) != 0 && IsReceived(extension.Kind))
            {
                section.ReceivedExtensions.Add(extension.Kind, extension.Id);
            }

            if (section.IsSent && (extension.ClientDirection & MediaDirection.Receive) != 0 && IsSent(extension.Kind))
            {
                section.SentExtensions.Add(extension.Kind, extension.Id);
            }
        }
    }

    private static bool IsReceived(HeaderExtensionKind kind) => kind is HeaderExtensionKind.Mid or HeaderExtensionKind.Rid
        or HeaderExtensionKind.RepairedRid or HeaderExtensionKind.AudioLevel or HeaderExtensionKind.TransportCc
        or HeaderExtensionKind.VideoOrientation or HeaderExtensionKind.AbsCaptureTime or HeaderExtensionKind.PlayoutDelay
        or HeaderExtensionKind.DependencyDescriptor;

    /// <summary>Without abs-send-time: who has transport-wide numbers makes nothing of it, and aiortc stops receiving at the first.</summary>
    private static bool IsSent(HeaderExtensionKind kind) => kind is HeaderExtensionKind.Mid or HeaderExtensionKind.AudioLevel
        or HeaderExtensionKind.TransportCc or HeaderExtensionKind.VideoOrientation
        or HeaderExtensionKind.AbsCaptureTime or HeaderExtensionKind.PlayoutDelay or HeaderExtensionKind.DependencyDescriptor;
}
