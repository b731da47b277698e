using V100.Net.Crypto;

namespace V100.Sfu.Sdp;

/// <summary>Puts the answer together from what was negotiated.</summary>
internal static class AnswerDescription
{
    /// <param name="offered">The lines of the offer.</param>
    /// <param name="offer">Their meaning.</param>
    /// <param name="session">What was agreed on.</param>
    /// <param name="bundle">The indices of the accepted sections, first the one that carries the transport.</param>
    /// <param name="parameters">What the server brings.</param>
    public static SessionDescription Create(
        SessionDescription offered, SessionOffer offer, NegotiatedSession session, int[] bundle, AnswerParameters parameters)
    {
        var answer = new SessionDescription
        {
            Origin = $"- {parameters.SessionId & long.MaxValue} {parameters.SessionVersion} IN IP4 0.0.0.0",
        };

        // RFC 8839, 5.3: a lite agent says so, and the full agent on the other side takes control (RFC 8445, 6.1.1).
        answer.Attributes.Add(new SdpAttribute("ice-lite"));
        if (session.IsBundled)
        {
            answer.Attributes.Add(new SdpAttribute("group", BundleGroup(session, bundle)));
        }

        if (offer.Transport.AllowsMixedExtensions)
        {
            answer.Attributes.Add(new SdpAttribute("extmap-allow-mixed"));
        }

        answer.Attributes.Add(new SdpAttribute("msid-semantic", "WMS *"));
        foreach (MediaSection section in session.Sections)
        {
            answer.Media.Add(CreateSection(offered.Media[section.Index], offer.Sections[section.Index], session, section, parameters));
        }

        return answer;
    }

    private static string BundleGroup(NegotiatedSession session, int[] bundle)
    {
        string group = "BUNDLE";
        foreach (int index in bundle)
        {
            group += $" {session.Sections[index].Mid}";
        }

        return group;
    }

    private static MediaDescription CreateSection(
        MediaDescription offered, MediaOffer offer, NegotiatedSession session, MediaSection section, AnswerParameters parameters)
    {
        var media = new MediaDescription
        {
            Media = offered.Media,
            Protocol = offered.Protocol,

            // RFC 8840, 4.1.1: port 9 and the unspecified address; the candidates say where to send. 0 rejects (RFC 3264, 6).
            Port = (ushort)(section.IsRejected ? 0 : 9),
            Connection = "IN IP4 0.0.0.0",
        };
        AddTransport(media, session, section, parameters);
        if (section.IsRejected)
        {
            // RFC 3264, 6: the formats of a rejected section have no meaning, but one must stand there.
            media.Formats.Add(offered.Formats[0]);
            media.Add("inactive");
            return media;
        }

        AddExtensions(media, offer, section);
        media.Add(DirectionOf(section.Direction));
        if (section.IsSent)
        {
            // RFC 8830, 2.
            media.Add("msid", $"{section.Sender.StreamId} {section.Sender.TrackId}");
        }

        media.Add("rtcp-mux");
        if (section.HasReducedSizeRtcp)
        {
            media.Add("rtcp-rsize");
        }

        AddCodecs(media, section);
        AddSimulcast(media, offer, section);
        AddSender(media, section);
        return media;
    }

    /// <summary>RFC 8853, 5.3: what of the offered encodings is received, under the offer's identifications.</summary>
    private static void AddSimulcast(MediaDescription media, MediaOffer offer, MediaSection section)
    {
        if (section.Encodings is not [{ Rid.Length: > 0 }, ..])
        {
            return;
        }

        // In the order of the offer: the order of an answer is a preference, and there is none.
        string[] rids = Array.FindAll(offer.Simulcast.ToArray(), rid => Array.Exists(section.Encodings, encoding => encoding.Rid == rid));
        foreach (string rid in rids)
        {
            media.Add("rid", $"{rid} recv");
        }

        media.Add("simulcast", "recv " + string.Join(';', rids));
    }

    /// <summary>
    /// RFC 8843, 7.1.3 asks for the transport in one bundled section alone, but GStreamer refuses a section, even a rejected one,
    /// that lacks mid, credentials or setup. The same values in each mean the same (DEVIATIONS.md, "Transport attributes in each section").
    /// </summary>
    private static void AddTransport(MediaDescription media, NegotiatedSession session, MediaSection section, AnswerParameters parameters)
    {
        if (section.Mid.Length > 0)
        {
            media.Add("mid", section.Mid);
        }

        media.Add("ice-ufrag", parameters.IceUfrag);
        media.Add("ice-pwd", parameters.IcePassword);
        media.Add("ice-options", "trickle ice2");
        media.Add("fingerprint", $"{Fingerprint.Sha256} {parameters.Fingerprint}");

        // RFC 8842, 5.3.
        media.Add("setup", session.DtlsRole == DtlsRole.Client ? "active" : "passive");
        if (section == session.TransportSection)
        {
            for (int i = 0; i < parameters.Candidates.Count; i++)
            {
                media.Add("candidate", IceCandidate.ForHost(i, parameters.Candidates[i]).ToString());
            }

            media.Add("end-of-candidates");
        }
    }

    private static void AddExtensions(MediaDescription media, MediaOffer offer, MediaSection section)
    {
        foreach (OfferedExtension extension in offer.Extensions)
        {
            bool received = section.ReceivedExtensions.IdOf(extension.Kind) != 0;
            bool sent = section.SentExtensions.IdOf(extension.Kind) != 0;
            if (received || sent)
            {
                // RFC 8285, 5: an offered direction is answered from the other side's view.
                MediaDirection direction = (received ? MediaDirection.Receive : 0) | (sent ? MediaDirection.Send : 0);
                string mapping = extension.HasDirection ? $"{extension.Id}/{DirectionOf(direction)}" : $"{extension.Id}";
                media.Add("extmap", $"{mapping} {HeaderExtensionUri.Of(extension.Kind)}");
            }
        }

        if (offer.Transport.AllowsMixedExtensions)
        {
            media.Add("extmap-allow-mixed");
        }
    }

    private static void AddCodecs(MediaDescription media, MediaSection section)
    {
        if (Array.Exists(section.Codecs, codec => (codec.Feedback & CodecFeedback.CongestionControl) != 0))
        {
            media.Add("rtcp-fb", "* ack ccfb");
        }

        foreach (NegotiatedCodec codec in section.Codecs)
        {
            media.Formats.Add($"{codec.PayloadType}");
            media.Add("rtpmap", $"{codec.PayloadType} {codec}");
            AddFeedback(media, codec, CodecFeedback.TransportCc, "transport-cc");
            AddFeedback(media, codec, CodecFeedback.Remb, "goog-remb");
            AddFeedback(media, codec, CodecFeedback.Fir, "ccm fir");
            AddFeedback(media, codec, CodecFeedback.Nack, "nack");
            AddFeedback(media, codec, CodecFeedback.Pli, "nack pli");
            if (codec.AnsweredParameters is not null)
            {
                media.Add("fmtp", $"{codec.PayloadType} {codec.AnsweredParameters}");
            }

            if (codec.RtxPayloadType >= 0)
            {
                // RFC 4588, 8.
                media.Formats.Add($"{codec.RtxPayloadType}");
                media.Add("rtpmap", $"{codec.RtxPayloadType} rtx/{codec.ClockRateHz}");
                media.Add("fmtp", $"{codec.RtxPayloadType} apt={codec.PayloadType}");
            }
        }
    }

    private static void AddFeedback(MediaDescription media, NegotiatedCodec codec, CodecFeedback feedback, string name)
    {
        if ((codec.Feedback & feedback) != 0)
        {
            media.Add("rtcp-fb", $"{codec.PayloadType} {name}");
        }
    }

    private static void AddSender(MediaDescription media, MediaSection section)
    {
        if (!section.IsSent)
        {
            return;
        }

        SenderStream sender = section.Sender;
        AddSsrc(media, sender, sender.Ssrc);
        if (section.HasRtx)
        {
            // RFC 4588, 8.8; RFC 5576, 4.2: without the group, a second SSRC in the section is an error to libwebrtc.
            AddSsrc(media, sender, sender.RtxSsrc);
            media.Add("ssrc-group", $"FID {sender.Ssrc} {sender.RtxSsrc}");
        }
    }

    private static void AddSsrc(MediaDescription media, in SenderStream sender, uint ssrc)
    {
        media.Add("ssrc", $"{ssrc} cname:{sender.Cname}");
        media.Add("ssrc", $"{ssrc} msid:{sender.StreamId} {sender.TrackId}");
    }

    private static string DirectionOf(MediaDirection direction) => direction switch
    {
        MediaDirection.Send => "sendonly",
        MediaDirection.Receive => "recvonly",
        MediaDirection.SendReceive => "sendrecv",
        _ => "inactive",
    };
}
