using V100.Net.Crypto;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Sdp;

/// <summary>What must hold for the answer to every offer, in every role.</summary>
public sealed class OfferAnswerTests
{
    private static readonly string[] s_codecs =
        ["OPUS/48000/2", "RED/48000/2", "VP8/90000", "VP9/90000", "H264/90000", "AV1/90000", "RTX/90000", "RTX/48000"];

    private static readonly string[] s_sentExtensions =
    [
        "sdes:mid", "ssrc-audio-level", "video-orientation", "abs-capture-time", "playout-delay", "#dependency-descriptor-rtp-header-extension",
        "transport-wide-cc-extensions-01", "abs-send-time",
    ];

    private static readonly string[] s_receivedExtensions =
        [.. s_sentExtensions.Where(uri => uri != "abs-send-time"), "sdes:rtp-stream-id", "sdes:repaired-rtp-stream-id"];

    public static TheoryData<string, SessionRole> Cases
    {
        get
        {
            var cases = new TheoryData<string, SessionRole>();
            foreach (string name in Offers.All)
            {
                cases.Add(name, SessionRole.Publish);
                cases.Add(name, SessionRole.Subscribe);
                cases.Add(name, SessionRole.Publish | SessionRole.Subscribe);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_offer_is_answered_where_some_section_fits_the_role(string name, SessionRole role)
    {
        string text = Offers.Read(name);
        var offer = new SdpText(text);
        bool usable = offer.Sections.Exists(section => section.Kind != "application" && LegalDirection(section.Direction ?? "sendrecv", role) != "inactive");

        bool answered = OfferAnswer.TryAnswer(text, Offers.Parameters(role), out NegotiatedSession? session, out SdpError error);

        Assert.True(answered == usable, error.Message);
        if (!answered)
        {
            Assert.Equal(SdpErrorKind.NotAcceptable, error.Kind);
            Assert.StartsWith("The offer needs an audio or video section", error.Message, StringComparison.Ordinal);
            return;
        }

        var answer = new SdpText(session!.AnswerText);
        Assert.Equal(offer.Sections.Count, answer.Sections.Count);
        CheckSession(session.AnswerText, offer, answer);
        for (int i = 0; i < offer.Sections.Count; i++)
        {
            CheckSection(offer.Sections[i], answer.Sections[i], session, session.Sections[i], role);
        }
    }

    private static void CheckSession(string text, SdpText offer, SdpText answer)
    {
        Assert.Equal(["v=0", "o=- 4711 1 IN IP4 0.0.0.0", "s=-", "t=0 0"], answer.Session.GetRange(0, 4));
        Assert.Contains("a=ice-lite", answer.Session);
        Assert.EndsWith("\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", text.Replace("\r\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.True(SdpReader.TryRead(text, out _, out SdpError error), error.Message);
        Assert.Equal(offer.Session.Contains("a=extmap-allow-mixed"), answer.Session.Contains("a=extmap-allow-mixed"));

        // RFC 8843, 7.3: all accepted sections and no other are in the group, in the order of the offer.
        List<SdpText.Section> accepted = answer.Sections.FindAll(section => section.Port != "0");
        Assert.Equal(accepted.ConvertAll(section => section.Mid!), answer.Bundle);
        Assert.All(answer.Bundle, mid => Assert.Contains(mid, offer.Bundle));
    }

    private static void CheckSection(
        SdpText.Section offered, SdpText.Section answered, NegotiatedSession session, MediaSection section, SessionRole role)
    {
        Assert.Equal(offered.Kind, answered.Kind);
        Assert.Equal(offered.Protocol, answered.Protocol);
        Assert.Equal(offered.Mid, answered.Mid);
        Assert.Equal(offered.Mid, section.Mid);
        Assert.Equal("passive", answered.Value("a=setup:"));
        Assert.Equal(DtlsRole.Server, session.DtlsRole);
        Assert.Equal(Offers.Ufrag, answered.Value("a=ice-ufrag:"));
        Assert.Equal(Offers.Password, answered.Value("a=ice-pwd:"));
        Assert.Equal($"sha-256 {Offers.LocalFingerprint}", answered.Value("a=fingerprint:"));
        CheckSimulcast(offered, answered, section);
        Assert.DoesNotContain("a=bundle-only", answered.Lines);

        bool isTagged = section == session.TransportSection;
        Assert.Equal(isTagged ? 2 : 0, answered.Values("a=candidate:").Count);
        Assert.Equal(isTagged, answered.Has("a=end-of-candidates"));
        if (offered.Kind == "application")
        {
            Assert.True(section.IsRejected);
            Assert.Equal("0", answered.Port);
            return;
        }

        Assert.Equal("9", answered.Port);
        Assert.Equal(LegalDirection(offered.Direction ?? "sendrecv", role), answered.Direction);
        Assert.True(answered.Has("a=rtcp-mux"));
        Assert.Equal(offered.Has("a=rtcp-rsize"), answered.Has("a=rtcp-rsize"));
        CheckCodecs(offered, answered, section);
        CheckExtensions(offered, answered, section);
        CheckStreams(answered, section);
    }

    /// <summary>All that is offered to be sent is received, under the same names and in the same order.</summary>
    private static void CheckSimulcast(SdpText.Section offered, SdpText.Section answered, MediaSection section)
    {
        string? sent = offered.Value("a=simulcast:send ");
        Assert.Equal(section.IsReceived && sent is not null ? $"recv {sent}" : null, answered.Value("a=simulcast:"));
        Assert.Equal(section.IsReceived && sent is not null ? sent.Split(';').Select(rid => $"{rid} recv") : [], answered.Values("a=rid:"));
    }

    private static void CheckCodecs(SdpText.Section offered, SdpText.Section answered, MediaSection section)
    {
        Assert.NotEmpty(answered.Formats);
        Assert.Equal(answered.Formats.Length, new HashSet<string>(answered.Formats).Count);
        Assert.Equal(answered.Formats.Length, answered.Values("a=rtpmap:").Count);
        foreach (string payloadType in answered.Formats)
        {
            Assert.Contains(payloadType, offered.Formats);
            Assert.Equal(offered.Codec(payloadType), answered.Codec(payloadType));
            Assert.Contains(answered.Codec(payloadType), s_codecs);
            Assert.True(section.TryFindCodec(byte.Parse(payloadType), out NegotiatedCodec? codec, out bool isRtx));
            Assert.Equal(isRtx, answered.Codec(payloadType)!.StartsWith("RTX", StringComparison.Ordinal));
            if (isRtx)
            {
                Assert.Equal($"apt={codec.PayloadType}", answered.Value($"a=fmtp:{payloadType} "));
                Assert.Equal($"apt={codec.PayloadType}", offered.Value($"a=fmtp:{payloadType} "));
            }

            foreach (string feedback in answered.Values($"a=rtcp-fb:{payloadType} "))
            {
                Assert.Contains(feedback, offered.Values($"a=rtcp-fb:{payloadType} "));
                Assert.False(feedback == "goog-remb" && answered.Values($"a=rtcp-fb:{payloadType} ").Contains("transport-cc"));
            }
        }
    }

    private static void CheckExtensions(SdpText.Section offered, SdpText.Section answered, MediaSection section)
    {
        foreach (string extension in answered.Values("a=extmap:"))
        {
            string[] fields = extension.Split(' ', '/');
            string uri = extension[(extension.IndexOf(' ', StringComparison.Ordinal) + 1)..];
            string id = fields[0];
            string? offeredAs = offered.Values("a=extmap:").Find(value => value.StartsWith(id + " ", StringComparison.Ordinal) || value.StartsWith(id + "/", StringComparison.Ordinal));
            Assert.EndsWith(" " + uri, offeredAs, StringComparison.Ordinal);
            IEnumerable<string> allowed = [.. section.IsReceived ? s_receivedExtensions : [], .. section.IsSent ? s_sentExtensions : []];
            Assert.Contains(allowed, suffix => uri.EndsWith(suffix, StringComparison.Ordinal));
            HeaderExtensionKind kind = HeaderExtensionUri.KindOf(uri);
            bool mapped = section.ReceivedExtensions.IdOf(kind) == byte.Parse(id) || section.SentExtensions.IdOf(kind) == byte.Parse(id);
            Assert.True(mapped, uri);
        }

        // A packet's section is known from its mid; a client that offers it must get it back.
        bool offersMid = offered.Values("a=extmap:").Exists(value => value.EndsWith("sdes:mid", StringComparison.Ordinal));
        Assert.Equal(offersMid && section.IsReceived, section.ReceivedExtensions.IdOf(HeaderExtensionKind.Mid) != 0);
        Assert.Equal(offersMid && section.IsSent, section.SentExtensions.IdOf(HeaderExtensionKind.Mid) != 0);
    }

    private static void CheckStreams(SdpText.Section answered, MediaSection section)
    {
        var ssrcs = new HashSet<string>(answered.Values("a=ssrc:").ConvertAll(value => value.Split(' ')[0]));
        bool hasRtx = answered.Values("a=rtpmap:").Exists(value => value.Contains("rtx", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(section.IsSent ? (hasRtx ? 2 : 1) : 0, ssrcs.Count);
        Assert.Equal(section.IsSent && hasRtx, answered.Value("a=ssrc-group:") == $"FID {1000 + section.Index} {2000 + section.Index}");
        Assert.Equal(section.IsSent ? $"stream track{section.Index}" : null, answered.Value("a=msid:"));
        Assert.Equal(section.IsSent ? 1000u + (uint)section.Index : 0, section.Sender.Ssrc);
    }

    private static string LegalDirection(string offered, SessionRole role)
    {
        bool receives = offered is "sendonly" or "sendrecv" && role.HasFlag(SessionRole.Publish);
        bool sends = offered is "recvonly" or "sendrecv" && role.HasFlag(SessionRole.Subscribe);
        return (receives, sends) switch
        {
            (true, true) => "sendrecv",
            (true, false) => "recvonly",
            (false, true) => "sendonly",
            _ => "inactive",
        };
    }
}
