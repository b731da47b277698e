using System.Text;
using V100.Net.Crypto;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Sdp;

/// <summary>Rules that no recorded offer shows: recorded offers with a line changed, and small ones made by hand.</summary>
public sealed class OfferRulesTests
{
    private const SessionRole Both = SessionRole.Publish | SessionRole.Subscribe;

    private static readonly string s_chromium = Offers.Read("chromium-audio-video-sendrecv");

    [Theory]
    [InlineData("a=setup:actpass", "a=setup:actpasss", "actpass, active, passive or holdconn")]
    [InlineData("a=ice-ufrag:2OMs", "a=ice-ufrag:2OM", "4 to 256")]
    [InlineData("a=ice-ufrag:2OMs", "a=ice-ufrag:2O=Ms", "4 to 256")]
    [InlineData("a=ice-pwd:jAmXwn4o8eSXyD1I9Wxi8H6i", "a=ice-pwd:short", "22 to 256")]
    [InlineData("a=fingerprint:sha-256 0E:", "a=fingerprint:sha-256 0G:", "32 bytes")]
    [InlineData("a=fingerprint:sha-256 0E:7D", "a=fingerprint:sha-256 7D", "32 bytes")]
    [InlineData("a=mid:1", "a=mid:0", "a mid that no other section has")]
    [InlineData("a=mid:1", "a=mid:", "a token")]
    [InlineData("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 7", "(not \"7\")")]
    [InlineData("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 0", "each once")]
    [InlineData("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus", "a=rtpmap:")]
    [InlineData("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/48000/0", "a=rtpmap:")]
    [InlineData("a=rtpmap:111 opus/48000/2", "a=rtpmap:128 opus/48000/2", "a=rtpmap:")]
    [InlineData("a=fmtp:97 apt=96", "a=fmtp:97 apt=x", "apt=<payload type>")]
    [InlineData("a=fmtp:97 apt=96", "a=fmtp:97", "a=fmtp:")]
    [InlineData("profile-level-id=42001f", "profile-level-id=42001", "6 hexadecimal digits")]
    [InlineData("packetization-mode=1", "packetization-mode=3", "from 0 to 2")]
    [InlineData("profile-id=0", "profile-id=9", "profile-id from 0 to 3")]
    [InlineData("profile=0;tier=0", "profile=3;tier=0", "profile from 0 to 2")]
    [InlineData("a=rtcp-fb:96 nack", "a=rtcp-fb:x nack", "a=rtcp-fb:")]
    [InlineData("a=extmap:4 urn", "a=extmap:0 urn", "<1 to 255>")]
    [InlineData("a=extmap:4 urn", "a=extmap:3 urn", "no other a=extmap")]
    [InlineData("a=extmap:4 urn", "a=extmap:4/both urn", "a=extmap:")]
    [InlineData("a=ssrc:2618402350 cname", "a=ssrc:4294967296 cname", "below 2^32")]
    [InlineData("a=ssrc-group:FID 2560154799 1856849998", "a=ssrc-group:FID 2560154799", "a=ssrc-group:FID")]
    [InlineData("a=ssrc-group:FID 2560154799 1856849998", "a=ssrc-group:FID 1 1", "another ssrc")]
    [InlineData("SAVPF 111 63", "SAVPF 111 111", "each once")]
    [InlineData("SAVPF 111 63", "SAVPF 111 x", "payload types 0 to 127")]
    public void A_malformed_attribute_is_named_with_its_line(string found, string replacement, string expected)
    {
        int at = s_chromium.IndexOf(found, StringComparison.Ordinal);
        Assert.True(at >= 0, found);
        string offer = s_chromium[..at] + replacement + s_chromium[(at + found.Length)..];
        int line = s_chromium[..at].Split('\n').Length;
        if (found.StartsWith("a=mid", StringComparison.Ordinal) && replacement == "a=mid:0")
        {
            // Two sections disagree: the m= line of the second is named.
            line = s_chromium[..s_chromium.IndexOf("m=video", StringComparison.Ordinal)].Split('\n').Length;
        }

        SdpError error = Offers.Refuse(offer, Both);

        Assert.Equal((SdpErrorKind.Malformed, line), (error.Kind, error.Line));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith($"Line {line}: found \"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rejected_section_has_port_0_and_is_left_out_of_the_group()
    {
        var answer = new SdpText(Offers.Answer(Offers.Read("chromium-audio-video-data-sendrecv"), SessionRole.Publish).AnswerText);

        Assert.Equal(["0", "1"], answer.Bundle);
        Assert.Equal(("0", "UDP/DTLS/SCTP", "2"), (answer.Sections[2].Port, answer.Sections[2].Protocol, answer.Sections[2].Mid));
        Assert.Equal(["webrtc-datachannel"], answer.Sections[2].Formats);
    }

    [Fact]
    public void An_unused_section_has_port_9_and_is_inactive_within_the_group()
    {
        int at = s_chromium.LastIndexOf("a=sendrecv", StringComparison.Ordinal);
        string offer = s_chromium[..at] + "a=recvonly" + s_chromium[(at + "a=sendrecv".Length)..];

        NegotiatedSession session = Offers.Answer(offer, SessionRole.Publish);

        var answer = new SdpText(session.AnswerText);
        Assert.True(session.Sections[1].IsInactive);
        Assert.Equal(["0", "1"], answer.Bundle);
        Assert.Equal(("9", "inactive"), (answer.Sections[1].Port, answer.Sections[1].Direction));
        Assert.Empty(answer.Sections[1].Values("a=ssrc:"));
    }

    /// <summary>RFC 8888, 6: with the wildcard alone; and only where V100 sends, and transport-wide feedback is not offered.</summary>
    [Theory]
    [InlineData("chromium-audio-video-recvonly", "* ack ccfb", false, true)]
    [InlineData("chromium-audio-video-recvonly", "* ack ccfb", true, false)]
    [InlineData("chromium-audio-video-recvonly", "96 ack ccfb", false, false)]
    [InlineData("chromium-audio-video-sendonly", "* ack ccfb", false, false)]
    [InlineData("chromium-audio-video-sendrecv", "* ack ccfb", false, false)]
    public void Congestion_control_feedback_is_agreed_on_for_receivers(string name, string feedback, bool keepsTransportWide, bool isAgreed)
    {
        List<string> lines = [.. Offers.Read(name).Split("\r\n")];
        int video = lines.FindIndex(line => line.StartsWith("m=video", StringComparison.Ordinal));
        int before = lines.RemoveAll(line => !keepsTransportWide && line.EndsWith(" transport-cc", StringComparison.Ordinal) && lines.IndexOf(line) > video);
        Assert.Equal(keepsTransportWide, before == 0);
        lines.Insert(lines.FindIndex(video, line => line.StartsWith("a=rtpmap:", StringComparison.Ordinal)), $"a=rtcp-fb:{feedback}");

        NegotiatedSession session = Offers.Answer(string.Join("\r\n", lines), Both);

        Assert.Equal(isAgreed ? ["ack ccfb"] : [], new SdpText(session.AnswerText).Sections[1].Values("a=rtcp-fb:* "));
        Assert.All(session.Sections[1].Codecs, codec => Assert.Equal(isAgreed, (codec.Feedback & CodecFeedback.CongestionControl) != 0));
        Assert.Empty(new SdpText(session.AnswerText).Sections[0].Values("a=rtcp-fb:* "));
    }

    [Fact]
    public void Port_0_without_bundle_only_is_a_rejection_and_with_it_is_none()
    {
        string firefox = Offers.Read("firefox-audio-video-sendrecv");

        Assert.Equal(["0", "1"], new SdpText(Offers.Answer(firefox, Both).AnswerText).Bundle);
        NegotiatedSession session = Offers.Answer(firefox.Replace("a=bundle-only\r\n", "", StringComparison.Ordinal), Both);
        Assert.Equal("it is offered with port 0", session.Sections[1].RejectReason);
        Assert.Equal(["0"], new SdpText(session.AnswerText).Bundle);
    }

    [Fact]
    public void Where_the_first_section_is_rejected_the_next_carries_the_transport()
    {
        string offer = s_chromium.Replace("opus/48000/2", "speex/48000/2", StringComparison.Ordinal);

        NegotiatedSession session = Offers.Answer(offer, Both);

        var answer = new SdpText(session.AnswerText);
        Assert.Equal("it offers no Opus", session.Sections[0].RejectReason);
        Assert.Same(session.Sections[1], session.TransportSection);
        Assert.Equal(["1"], answer.Bundle);
        Assert.Equal(["0", "9"], answer.Sections.ConvertAll(section => section.Port));
        Assert.Empty(answer.Sections[0].Values("a=candidate:"));
        Assert.Equal(2, answer.Sections[1].Values("a=candidate:").Count);
    }

    [Fact]
    public void Without_rtcp_mux_a_section_is_rejected_and_an_offer_without_any_is_refused()
    {
        int first = s_chromium.IndexOf("a=rtcp-mux", StringComparison.Ordinal);
        NegotiatedSession session = Offers.Answer(s_chromium.Remove(first, "a=rtcp-mux\r\n".Length), Both);
        Assert.Equal("it has no a=rtcp-mux", session.Sections[0].RejectReason);
        Assert.False(session.Sections[1].IsRejected);

        SdpError error = Offers.Refuse(s_chromium.Replace("a=rtcp-mux\r\n", "", StringComparison.Ordinal), Both);
        Assert.Equal(SdpErrorKind.NotAcceptable, error.Kind);
        Assert.Contains("it has no a=rtcp-mux", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_bundle_the_first_usable_section_is_accepted_alone()
    {
        NegotiatedSession session = Offers.Answer(s_chromium.Replace("a=group:BUNDLE 0 1\r\n", "", StringComparison.Ordinal), Both);

        var answer = new SdpText(session.AnswerText);
        Assert.False(session.IsBundled);
        Assert.Empty(answer.Bundle);
        Assert.Equal(["9", "0"], answer.Sections.ConvertAll(section => section.Port));
    }

    [Fact]
    public void A_section_outside_the_group_is_rejected()
    {
        NegotiatedSession session = Offers.Answer(s_chromium.Replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 1", StringComparison.Ordinal), Both);

        Assert.Equal([true, false], Array.ConvertAll(session.Sections, section => section.IsRejected));
        Assert.Equal(["1"], new SdpText(session.AnswerText).Bundle);
        Assert.Same(session.Sections[1], session.TransportSection);
    }

    [Theory]
    [InlineData("actpass", DtlsRole.Server, "passive")]
    [InlineData("active", DtlsRole.Server, "passive")]
    [InlineData("passive", DtlsRole.Client, "active")]
    public void The_dtls_role_follows_setup(string offered, DtlsRole role, string answered)
    {
        NegotiatedSession session = Offers.Answer(s_chromium.Replace("a=setup:actpass", $"a=setup:{offered}", StringComparison.Ordinal), Both);

        Assert.Equal(role, session.DtlsRole);
        Assert.All(new SdpText(session.AnswerText).Sections, section => Assert.Equal(answered, section.Value("a=setup:")));
    }

    [Fact]
    public void Holdconn_and_other_hash_functions_are_refused_by_name()
    {
        SdpError held = Offers.Refuse(s_chromium.Replace("actpass", "holdconn", StringComparison.Ordinal), Both);
        Assert.Equal((SdpErrorKind.NotAcceptable, 19), (held.Kind, held.Line));

        SdpError hash = Offers.Refuse(s_chromium.Replace("sha-256", "sha-512", StringComparison.Ordinal), Both);
        Assert.Equal((SdpErrorKind.NotAcceptable, 18), (hash.Kind, hash.Line));
        Assert.Contains("\"sha-512\"; only sha-256", hash.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_transport_needs_is_named_where_it_is_missing()
    {
        Missing("a=ice-ufrag:2OMs\r\n", "a=ice-ufrag");
        Missing("a=ice-pwd:jAmXwn4o8eSXyD1I9Wxi8H6i\r\n", "a=ice-pwd");
        int at = s_chromium.IndexOf("a=fingerprint", StringComparison.Ordinal);
        Missing(s_chromium[at..(s_chromium.IndexOf('\n', at) + 1)], "a=fingerprint");

        static void Missing(string line, string name)
        {
            SdpError error = Offers.Refuse(s_chromium.Replace(line, "", StringComparison.Ordinal), Both);
            Assert.Equal((SdpErrorKind.Malformed, 8), (error.Kind, error.Line));
            Assert.Contains($"without {name}", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Transport_attributes_are_those_of_the_section_that_carries_the_transport()
    {
        NegotiatedSession aiortc = Offers.Answer(Offers.Read("aiortc-audio-video-sendrecv"), Both);
        Assert.Equal(("2o2V", "AS4ECJmEYVg8lf3MxgJ6fc"), (aiortc.RemoteIceUfrag, aiortc.RemoteIcePassword));
        Assert.Equal(0xA4, aiortc.RemoteFingerprint[0]);
        Assert.Equal(0x29, aiortc.RemoteFingerprint[31]);

        // Firefox and pion: at session level.
        Assert.Equal(0x7E, Offers.Answer(Offers.Read("firefox-audio-video-sendrecv"), Both).RemoteFingerprint[0]);
        Assert.Equal(0xE4, Offers.Answer(Offers.Read("pion-audio-video-recvonly"), Both).RemoteFingerprint[0]);
    }

    [Fact]
    public void What_the_client_announces_is_kept()
    {
        NegotiatedSession chromium = Offers.Answer(s_chromium, Both);
        Assert.Equal([new RemoteStream(2618402350, 0)], chromium.Sections[0].RemoteStreams);
        Assert.Equal([new RemoteStream(2560154799, 1856849998)], chromium.Sections[1].RemoteStreams);
        Assert.Equal(("7ef8e949-dc9a-4ab6-8d12-a91a09462fcd", "0447ffc1-feef-41de-ac95-4647839ac725"), (chromium.Sections[1].RemoteStreamId, chromium.Sections[1].RemoteTrackId));
        Assert.True(chromium.Sections[0].AllowsMixedExtensions);

        MediaSection simulcast = Offers.Answer(Offers.Read("firefox-simulcast-sendonly"), Both).Sections[1];
        Assert.Equal(["l", "m", "h"], simulcast.Encodings.Select(encoding => encoding.Rid));
        Assert.Equal(
            [new RemoteStream(467276579, 2782907717), new RemoteStream(979574393, 2625687123), new RemoteStream(459531395, 2102007322)],
            simulcast.RemoteStreams);

        // GStreamer 1.22 has no a=msid, but an msid with each SSRC.
        Assert.Equal("user1949903040@host-8a1aac0a", Offers.Answer(Offers.Read("gst-h264-sendonly"), Both).Sections[0].RemoteStreamId);

        // A receiver's simulcast says nothing of what it sends.
        Assert.Empty(Offers.Answer(Offers.Read("werift-simulcast-recvonly"), Both).Sections[0].Encodings);
    }

    [Fact]
    public void A_packet_finds_its_section_by_mid_ssrc_or_payload_type()
    {
        NegotiatedSession session = Offers.Answer(Offers.Read("aiortc-audio-video-sendrecv"), Both);

        Assert.True(session.TryFindByMid("1"u8, out MediaSection? byMid));
        Assert.Equal(1, byMid.Index);
        Assert.False(session.TryFindByMid("2"u8, out _));
        Assert.True(session.TryFindBySsrc(2998377077, out MediaSection? bySsrc, out RemoteStream stream));
        Assert.Equal((1, 961920053u), (bySsrc.Index, stream.Ssrc));
        Assert.False(session.TryFindBySsrc(1, out _, out _));
        Assert.True(session.TryFindByPayloadType(98, out MediaSection? byPayloadType));
        Assert.Equal(1, byPayloadType.Index);
        Assert.False(session.TryFindByPayloadType(8, out _));

        // Two sections with the same payload types: only mid or SSRC tells them apart.
        string two = s_chromium.Replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1 2", StringComparison.Ordinal)
            + s_chromium[s_chromium.IndexOf("m=audio", StringComparison.Ordinal)..s_chromium.IndexOf("m=video", StringComparison.Ordinal)]
                .Replace("a=mid:0", "a=mid:2", StringComparison.Ordinal);
        Assert.False(Offers.Answer(two, Both).TryFindByPayloadType(111, out _));
        Assert.True(Offers.Answer(two, Both).TryFindByPayloadType(96, out _));
    }

    [Fact]
    public void Extension_identifiers_that_differ_between_sections_are_left_out_of_the_shared_map()
    {
        NegotiatedSession werift = Offers.Answer(Offers.Read("werift-audio-video-sendonly"), Both);
        Assert.Equal(HeaderExtensionKind.Mid, werift.ReceivedExtensions.KindOf(1));
        Assert.Equal(HeaderExtensionKind.Mid, werift.ReceivedExtensions.KindOf(4));

        string conflicting = Offers.Read("werift-audio-video-sendonly").Replace("a=extmap:4 ", "a=extmap:3 ", StringComparison.Ordinal);
        NegotiatedSession session = Offers.Answer(conflicting, Both);
        Assert.Equal(HeaderExtensionKind.None, session.ReceivedExtensions.KindOf(3));
        Assert.Equal(HeaderExtensionKind.Mid, session.Sections[1].ReceivedExtensions.KindOf(3));
    }

    [Theory]
    [InlineData(14, true)]
    [InlineData(15, false)]
    [InlineData(16, true)]
    [InlineData(255, true)]
    [InlineData(4096, false)]
    public void An_identifier_that_no_header_can_carry_is_not_accepted(int id, bool accepted)
    {
        // 14 is the transmission offset of this offer, which makes room.
        string offer = Offers.Read("chromium-audio-video-sendonly")
            .Replace("a=extmap:14 ", "a=extmap:77 ", StringComparison.Ordinal)
            .Replace("a=extmap:4 ", $"a=extmap:{id} ", StringComparison.Ordinal);

        NegotiatedSession session = Offers.Answer(offer, Both);

        Assert.Equal(accepted ? id : 0, session.Sections[0].ReceivedExtensions.IdOf(HeaderExtensionKind.Mid));
        Assert.Equal(id is 16 or 255, session.Sections[0].ReceivedExtensions.NeedsTwoByteHeader);
    }

    [Fact]
    public void The_client_direction_of_an_extension_is_answered_from_the_other_side()
    {
        var subscriber = new SdpText(Offers.Answer(Offers.Read("firefox-audio-video-recvonly"), SessionRole.Subscribe).AnswerText);
        Assert.Contains(subscriber.Sections[1].Values("a=extmap:"), value => value.StartsWith("6/sendonly ", StringComparison.Ordinal));

        var publisher = new SdpText(Offers.Answer(Offers.Read("firefox-simulcast-sendonly"), SessionRole.Publish).AnswerText);
        Assert.Contains(publisher.Sections[1].Values("a=extmap:"), value => value.StartsWith("9/recvonly ", StringComparison.Ordinal));
        Assert.DoesNotContain(publisher.Sections[1].Values("a=extmap:"), value => value.Contains("playout-delay", StringComparison.Ordinal));
    }

    [Fact]
    public void Payload_types_that_look_like_rtcp_are_dropped()
    {
        string offer = s_chromium.Replace("SAVPF 111 63", "SAVPF 72 63", StringComparison.Ordinal).Replace(":111 ", ":72 ", StringComparison.Ordinal)
            .Replace("111/111", "72/72", StringComparison.Ordinal);

        Assert.Equal("it offers no Opus", Offers.Answer(offer, Both).Sections[0].RejectReason);
    }

    [Fact]
    public void Bounds_of_a_section_are_refused_at_the_line_that_passes_them()
    {
        Bounded("a=ssrc:{0} cname:x\r\n", SdpLimits.MaxSsrcsPerSection - 2, "SSRCs");
        Bounded("a=rid:r{0} send\r\n", SdpLimits.MaxRidsPerSection, "a=rid");
        Bounded("a=extmap:1{0:00} urn:x\r\n", SdpLimits.MaxHeaderExtensionsPerSection - 11, "a=extmap");

        static void Bounded(string format, int count, string expected)
        {
            var lines = new StringBuilder(s_chromium);
            for (int i = 0; i < count; i++)
            {
                lines.AppendFormat(System.Globalization.CultureInfo.InvariantCulture, format, i);
            }

            Assert.True(OfferAnswer.TryAnswer(lines.ToString(), Offers.Parameters(Both), out _, out SdpError none), none.Message);
            lines.AppendFormat(System.Globalization.CultureInfo.InvariantCulture, format, count);
            SdpError error = Offers.Refuse(lines.ToString(), Both);
            Assert.Equal(lines.ToString().TrimEnd().Split('\n').Length, error.Line);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
            Assert.Contains("at most", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Parameters_of_the_answer_are_those_that_concern_this_side()
    {
        var gst = new SdpText(Offers.Answer(Offers.Read("gst-h264-sendonly"), Both).AnswerText);
        Assert.Null(gst.Sections[0].Value("a=fmtp:97 "));
        var firefox = new SdpText(Offers.Answer(Offers.Read("firefox-audio-video-sendrecv"), Both).AnswerText);
        Assert.Equal("maxplaybackrate=48000;stereo=1;useinbandfec=1", firefox.Sections[0].Value("a=fmtp:109 "));
        Assert.Null(firefox.Sections[1].Value("a=fmtp:120 "));
        var chromium = new SdpText(Offers.Answer(s_chromium, Both).AnswerText);
        Assert.Equal("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", chromium.Sections[1].Value("a=fmtp:108 "));
        Assert.Equal("profile-id=2", chromium.Sections[1].Value("a=fmtp:100 "));
        Assert.Equal("level-idx=5;profile=0;tier=0", chromium.Sections[1].Value("a=fmtp:45 "));
        Assert.Equal("111/111", chromium.Sections[0].Value("a=fmtp:63 "));
    }

    [Fact]
    public void No_stream_is_allocated_for_an_offer_that_is_refused()
    {
        int allocated = 0;
        AnswerParameters parameters = Offers.Parameters(Both);
        var counting = new AnswerParameters
        {
            SessionId = parameters.SessionId,
            IceUfrag = parameters.IceUfrag,
            IcePassword = parameters.IcePassword,
            Candidates = parameters.Candidates,
            Fingerprint = parameters.Fingerprint,
            Role = Both,
            AllocateSender = section => new SenderStream((uint)++allocated, 9, "c", "s", "t"),
        };

        Assert.False(OfferAnswer.TryAnswer(s_chromium.Replace("sha-256", "sha-1", StringComparison.Ordinal), counting, out _, out _));
        Assert.Equal(0, allocated);
        Assert.True(OfferAnswer.TryAnswer(s_chromium, counting, out _, out _));
        Assert.Equal(2, allocated);
    }
}
