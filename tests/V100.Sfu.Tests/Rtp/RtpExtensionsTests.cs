using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class RtpExtensionsTests
{
    [Theory]
    [InlineData(0xBEDE, "10AA21BBCC00", "1=AA 2=BBCC")]
    [InlineData(0xBEDE, "10AA000021BBCC", "1=AA 2=BBCC")] // padding between elements
    [InlineData(0xBEDE, "10AAF0BB30CC", "1=AA")] // RFC 8285, 4.2: id 15 ends it
    [InlineData(0xBEDE, "10AA01BB30CC", "1=AA")] // id 0 with a length ends it
    [InlineData(0xBEDE, "10AA2FBB", "1=AA")] // longer than the block
    [InlineData(0xBEDE, "10", "")]
    [InlineData(0x1000, "0101AA0202BBCC", "1=AA 2=BBCC")]
    [InlineData(0x100F, "0100000F01BB", "1= 15=BB")] // application bits, an empty value, padding
    [InlineData(0x1000, "FF01AA0105BB", "255=AA")] // longer than the block
    [InlineData(0x1000, "01", "")]
    [InlineData(0x2000, "10AA", "")] // another profile
    public void Elements_are_those_of_the_form(int profile, string hex, string expected)
    {
        var found = new List<string>();
        foreach (RtpExtension element in new RtpExtensions((ushort)profile, Convert.FromHexString(hex)))
        {
            found.Add($"{element.Id}={Convert.ToHexString(element.Value)}");
        }

        Assert.Equal(expected, string.Join(' ', found));
    }

    [Fact]
    public void Lookup_tells_absence_from_emptiness()
    {
        var extensions = new RtpExtensions(RtpExtensions.TwoByteProfile, Convert.FromHexString("05000701AA"));
        Assert.True(extensions.TryGet(5, out ReadOnlySpan<byte> value));
        Assert.True(value.IsEmpty);
        Assert.True(extensions.TryGet(7, out value));
        Assert.Equal("AA", Convert.ToHexString(value));
        Assert.False(extensions.TryGet(6, out _));
        Assert.False(default(RtpExtensions).TryGet(1, out _));
    }
}
