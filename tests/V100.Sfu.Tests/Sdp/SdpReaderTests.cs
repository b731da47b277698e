using System.Text;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Sdp;

public sealed class SdpReaderTests
{
    private const string Head = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

    [Theory]
    [InlineData("\r\n")]
    [InlineData("\n")]
    public void Both_line_ends_are_read_and_attributes_know_their_line(string lineEnd)
    {
        string text = (Head + "a=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\nb=AS:64\r\na=mid:0\r\n\r\n").Replace("\r\n", lineEnd, StringComparison.Ordinal);

        Assert.True(SdpReader.TryRead(text, out SessionDescription? description, out SdpError error), error.Message);

        Assert.Equal("- 1 2 IN IP4 127.0.0.1", description.Origin);
        Assert.Equal([new SdpAttribute("ice-lite", null, 5)], description.Attributes);
        MediaDescription media = Assert.Single(description.Media);
        Assert.Equal((6, "audio", (ushort)9, "UDP/TLS/RTP/SAVPF"), (media.Line, media.Media, media.Port, media.Protocol));
        Assert.Equal(["111", "0"], media.Formats);
        Assert.Equal(64_000, media.MaxBitrateBps);
        Assert.Equal([new SdpAttribute("mid", "0", 9)], media.Attributes);
    }

    [Theory]
    [MemberData(nameof(Offers.Names), MemberType = typeof(Offers))]
    public void What_is_written_reads_as_the_same(string name)
    {
        Assert.True(SdpReader.TryRead(Offers.Read(name), out SessionDescription? description, out _));
        string written = SdpWriter.Write(description);

        Assert.True(SdpReader.TryRead(written, out SessionDescription? again, out _));

        Assert.Equal(written, SdpWriter.Write(again));
        Assert.Equal(description.Media.ConvertAll(media => media.Attributes.Count), again.Media.ConvertAll(media => media.Attributes.Count));
        Assert.Equal(
            description.Attributes.ConvertAll(attribute => attribute.ToString()), again.Attributes.ConvertAll(attribute => attribute.ToString()));
    }

    [Theory]
    [InlineData("", 1, "v=, o=, s= and t= lines")]
    [InlineData("hello", 1, "found \"hello\"; expected a line of the form <letter>=<value>")]
    [InlineData("v=1", 1, "found \"v=1\"; expected v=0")]
    [InlineData("v=0\r\ns=-", 2, "expected o= as line 2")]
    [InlineData("v=0\r\no=- 1 2 IN IP4\r\ns=-", 2, "o=<username>")]
    [InlineData("v=0\r\no=- x 2 IN IP4 0.0.0.0\r\ns=-", 2, "o=<username>")]
    [InlineData("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\nt=0 0", 3, "expected s= as line 3")]
    [InlineData("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-", 4, "expected a t= line")]
    [InlineData("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=zero 0", 4, "t=<start> <stop>")]
    [InlineData(Head + "\r\na=x", 5, "found \"\"")]
    [InlineData(Head + "q=1", 5, "before the first media section")]
    [InlineData(Head + "a=", 5, "a=<name>")]
    [InlineData(Head + "a=b c:d", 5, "a=<name>")]
    [InlineData(Head + "a=x\0y", 5, "no NUL")]
    [InlineData(Head + "b=AS", 5, "b=<modifier>")]
    [InlineData(Head + "m=audio", 5, "m=<media>")]
    [InlineData(Head + "m=audio 65536 RTP/AVP 0", 5, "port 0 to 65535")]
    [InlineData(Head + "m=audio 9 RTP/AVP", 5, "at least one format")]
    [InlineData(Head + "m=audio 9 /RTP 0", 5, "m=<media>")]
    [InlineData(Head + "m=audio 9 RTP/AVP 0\r\nt=0 0", 6, "within a media section")]
    public void A_malformed_line_is_named(string text, int line, string expected)
    {
        Assert.False(SdpReader.TryRead(text, out SessionDescription? description, out SdpError error));

        Assert.Null(description);
        Assert.Equal(SdpErrorKind.Malformed, error.Kind);
        Assert.Equal(line, error.Line);
        Assert.StartsWith($"Line {line}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_bound_is_refused_at_the_line_that_passes_it()
    {
        Refuses(Head + new string('x', SdpLimits.MaxLength), 5);
        Refuses(Repeat(SdpLimits.MaxLines + 1 - 4, "i=\r\n"), SdpLimits.MaxLines + 1);
        Refuses(Repeat(SdpLimits.MaxAttributesPerSection + 1, "a=x\r\n"), 4 + SdpLimits.MaxAttributesPerSection + 1);
        Refuses(Repeat(SdpLimits.MaxSections + 1, "m=audio 9 RTP/AVP 0\r\n"), 4 + SdpLimits.MaxSections + 1);
        Refuses(Head + "m=audio 9 RTP/AVP" + new StringBuilder().Insert(0, " 0", SdpLimits.MaxFormatsPerSection + 1), 5);

        Reads(Repeat(SdpLimits.MaxLines - 4, "i=\r\n"));
        Reads(Repeat(SdpLimits.MaxAttributesPerSection, "a=x\r\n"));
        Reads(Repeat(SdpLimits.MaxSections, "m=audio 9 RTP/AVP 0\r\n"));
        Reads(Head + "m=audio 9 RTP/AVP" + new StringBuilder().Insert(0, " 0", SdpLimits.MaxFormatsPerSection));
    }

    [Fact]
    public void A_quoted_line_is_cut_and_cleaned()
    {
        Assert.False(SdpReader.TryRead("v=0\r\n\u0001" + new string('y', 1000), out _, out SdpError error));

        Assert.Contains("\"?yyy", error.Message, StringComparison.Ordinal);
        Assert.True(error.Message.Length < 200, error.Message);
    }

    private static string Repeat(int count, string line) => Head + new StringBuilder().Insert(0, line, count);

    private static void Refuses(string text, int line)
    {
        Assert.False(SdpReader.TryRead(text, out _, out SdpError error));
        Assert.Equal((SdpErrorKind.Malformed, line), (error.Kind, error.Line));
        Assert.Contains("at most", error.Message, StringComparison.Ordinal);
    }

    private static void Reads(string text) => Assert.True(SdpReader.TryRead(text, out _, out SdpError error), error.Message);
}
