using V100.Net;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Sdp;

public sealed class SdpFragmentTests
{
    // A restart as in RFC 9725, 4.3.3, with one candidate of each form.
    private const string Restart =
        "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
        + "a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"
        + "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n"
        + "a=candidate:3471623853 1 udp 2122194687 x.local 61765 typ host generation 0 ufrag EsAw network-id 2\r\n"
        + "a=candidate:473322822 1 tcp 1518280447 2001:db8::1 9 typ srflx raddr 1.2.3.4 rport 5 tcptype active\r\na=end-of-candidates\r\n";

    [Theory]
    [InlineData("\r\n")]
    [InlineData("\n")]
    public void A_restart_is_read(string lineEnd)
    {
        string text = Restart.Replace("\r\n", lineEnd, StringComparison.Ordinal);
        Assert.True(SdpFragment.TryParse(text, out SdpFragment? fragment, out SdpError error), error.Message);

        Assert.Equal(("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k", "0"), (fragment.IceUfrag, fragment.IcePassword, fragment.Mid));
        Assert.True(fragment.HasEndOfCandidates);
        Assert.Equal(3, fragment.Candidates.Count);
        Assert.True(TransportAddress.TryParse("192.0.2.1:61764", out TransportAddress address));
        Assert.Equal(address, fragment.Candidates[0].Address);
        Assert.Equal(("x.local", default(TransportAddress)), (fragment.Candidates[1].Host, fragment.Candidates[1].Address));
        Assert.Equal((IceTransport.Tcp, IceCandidateType.ServerReflexive), (fragment.Candidates[2].Transport, fragment.Candidates[2].Type));
    }

    [Fact]
    public void Credentials_may_stand_before_the_sections()
    {
        const string text = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:x\r\n";
        Assert.True(SdpFragment.TryParse(text, out SdpFragment? fragment, out _));

        Assert.Equal(("abcd", "0123456789012345678901", "x"), (fragment.IceUfrag, fragment.IcePassword, fragment.Mid));
        Assert.False(fragment.HasEndOfCandidates);
        Assert.Empty(fragment.Candidates);
    }

    [Theory]
    [InlineData("v=0", 1, "an a= or m= line")]
    [InlineData("a=ice-ufrag:ab", 1, "4 to 256")]
    [InlineData("a=ice-ufrag:abcd\na=ice-pwd:x", 2, "22 to 256")]
    [InlineData("m=audio 9 RTP/AVP 0\na=mid:a b", 2, "a token")]
    [InlineData("m=audio 9 RTP/AVP 0\na=mid:0\na=candidate:1 1 udp", 3, "<foundation>")]
    [InlineData("m=audio 9 RTP/AVP 0\na=candidate:1 0 udp 1 1.2.3.4 5 typ host", 2, "<foundation>")]
    [InlineData("m=audio 9 RTP/AVP 0\na=candidate:1 1 udp 1 1.2.3.4 65536 typ host", 2, "<foundation>")]
    [InlineData("m=audio 9 RTP/AVP 0\na=candidate:1 1 udp 1 1.2.3.4 5 type host", 2, "<foundation>")]
    public void A_malformed_line_is_named(string text, int line, string expected)
    {
        Assert.False(SdpFragment.TryParse(text, out _, out SdpError error));

        Assert.Equal((SdpErrorKind.Malformed, line), (error.Kind, error.Line));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Candidates_are_bounded()
    {
        string text = "m=audio 9 RTP/AVP 0\n";
        for (int i = 0; i < SdpLimits.MaxCandidatesPerFragment; i++)
        {
            text += $"a=candidate:{i} 1 udp 1 1.2.3.4 5 typ host\n";
        }

        Assert.True(SdpFragment.TryParse(text, out _, out _));
        Assert.False(SdpFragment.TryParse(text + "a=candidate:x 1 udp 1 1.2.3.4 5 typ host\n", out _, out SdpError error));
        Assert.Equal(SdpLimits.MaxCandidatesPerFragment + 2, error.Line);
    }

    [Fact]
    public void The_answer_to_a_restart_reads_as_a_fragment()
    {
        NegotiatedSession session = Offers.Answer(Offers.Read("chromium-audio-video-data-sendrecv"), SessionRole.Publish);
        Assert.True(TransportAddress.TryParse("192.0.2.7:3478", out TransportAddress address));

        string text = SdpFragment.WriteRestart(session, "newUfrag", "newPasswordnewPassword12", [address]);

        Assert.Equal(
            "a=ice-lite\r\na=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:newUfrag\r\n"
            + "a=ice-pwd:newPasswordnewPassword12\r\na=candidate:1 1 udp 2130706431 192.0.2.7 3478 typ host\r\na=end-of-candidates\r\n",
            text);
        Assert.True(SdpFragment.TryParse(text, out SdpFragment? fragment, out _));
        Assert.Equal(address, Assert.Single(fragment.Candidates).Address);
    }

    [Fact]
    public void Candidates_of_this_server_fall_in_priority_and_have_no_zone()
    {
        Assert.True(TransportAddress.TryParse("[fe80::1%3]:3478", out TransportAddress linkLocal));

        IceCandidate first = IceCandidate.ForHost(0, linkLocal);
        IceCandidate second = IceCandidate.ForHost(1, linkLocal);

        // RFC 8445, 5.1.2.1 with 126 for host, 65535 and 1.
        Assert.Equal(2130706431u, first.Priority);
        Assert.Equal("1 1 udp 2130706431 fe80::1 3478 typ host", first.ToString());
        Assert.True(second.Priority < first.Priority);
        Assert.NotEqual(first.Foundation, second.Foundation);
        Assert.True(IceCandidate.TryParse(first.ToString(), out IceCandidate parsed));
        Assert.Equal(first, parsed);
    }
}
