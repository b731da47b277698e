using System.Net;

namespace V100.Net.Tests;

public class TransportAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:3478")]
    [InlineData("[2001:db8::1]:65535")]
    [InlineData("[fe80::1%3]:9")]
    public void Text_reads_and_writes_the_same(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));
        Assert.Equal(text, address.ToString());
        Assert.Equal(address, TransportAddress.From(IPEndPoint.Parse(text)));
    }

    [Fact]
    public void Mapped_and_plain_IPv4_are_one_address()
    {
        TransportAddress plain = TransportAddress.FromIPv4(0xC0000201, 5);
        TransportAddress mapped = TransportAddress.From(IPAddress.Parse("::ffff:192.0.2.1"), 5);
        Assert.Equal(plain, mapped);
        Assert.Equal(plain.GetHashCode(), mapped.GetHashCode());
        Assert.True(mapped.IsIPv4);
    }

    [Fact]
    public void Port_and_address_both_count()
    {
        TransportAddress one = TransportAddress.FromIPv4(1, 5);
        Assert.NotEqual(one, one.WithPort(6));
        Assert.NotEqual(one, TransportAddress.FromIPv4(2, 5));
    }
}
