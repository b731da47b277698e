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

    [Fact]
    public void Only_a_link_local_address_keeps_its_scope()
    {
        byte[] linkLocal = IPAddress.Parse("fe80::1").GetAddressBytes();
        byte[] global = IPAddress.Parse("2001:db8::1").GetAddressBytes();
        Assert.Equal(3u, TransportAddress.FromIPv6(linkLocal, 5, 3).Scope);
        Assert.Equal(TransportAddress.FromIPv6(global, 5), TransportAddress.FromIPv6(global, 5, 3));
    }

    [Fact]
    public void A_connection_is_part_of_the_address()
    {
        TransportAddress udp = TransportAddress.FromIPv4(0xC0000201, 5);
        TransportAddress tcp = udp.Over(TransportProtocol.Tcp, 7);
        Assert.Equal(tcp, udp.Over(TransportProtocol.Tcp, 7));
        Assert.NotEqual(udp, tcp);
        Assert.NotEqual(tcp, udp.Over(TransportProtocol.Tcp, 8));
        Assert.NotEqual(tcp, udp.Over(TransportProtocol.Tls, 7));
        Assert.Equal(7u, tcp.Connection);
        Assert.Equal(0u, udp.Connection);
        Assert.Equal(udp, tcp.OverUdp());
        Assert.Equal("192.0.2.1:5/tcp", tcp.ToString());
    }

    [Fact]
    public void Ports_of_one_host_spread_over_the_low_bits_of_the_hash()
    {
        HashSet<int> buckets = [.. Enumerable.Range(1, 4096).Select(port => TransportAddress.FromIPv4(0x0A000001, (ushort)port).GetHashCode() & 4095)];
        Assert.InRange(buckets.Count, 2000, 4096);
    }
}
