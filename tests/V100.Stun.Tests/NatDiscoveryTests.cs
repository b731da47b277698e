using V100.Net;

namespace V100.Stun.Tests;

/// <summary>RFC 5780, 6.1 and 7.</summary>
public class NatDiscoveryTests
{
    private static readonly NatDiscovery s_discovery = new(
        (Parse("192.0.2.1:3478"), Parse("192.0.2.2:3479")), (Parse("[2001:db8::1]:3478"), Parse("[2001:db8::2]:3479")));

    [Theory]
    [InlineData("192.0.2.1:3478", 0, "192.0.2.1:3478", "192.0.2.2:3479")]
    [InlineData("192.0.2.1:3478", 2, "192.0.2.1:3479", "192.0.2.2:3479")]
    [InlineData("192.0.2.1:3478", 4, "192.0.2.2:3478", "192.0.2.2:3479")]
    [InlineData("192.0.2.1:3478", 6, "192.0.2.2:3479", "192.0.2.2:3479")]
    [InlineData("192.0.2.1:3479", 0, "192.0.2.1:3479", "192.0.2.2:3478")]
    [InlineData("192.0.2.2:3478", 6, "192.0.2.1:3479", "192.0.2.1:3479")]
    [InlineData("192.0.2.2:3479", 4, "192.0.2.1:3479", "192.0.2.1:3478")]
    [InlineData("[2001:db8::2]:3479", 6, "[2001:db8::1]:3478", "[2001:db8::1]:3478")]
    public void The_answer_comes_from_where_the_request_asks(string local, int change, string source, string other)
    {
        (byte[] answer, TransportAddress from) = Respond(RawMessage.Make("0001", $"00030004{change:x8}"), local, s_discovery);
        Assert.Equal(source, from.ToString());
        Assert.True(StunReader.TryParse(answer, out StunReader message));
        Assert.Equal((source, other), (Plain(message, StunAttributeType.ResponseOrigin), Plain(message, StunAttributeType.OtherAddress)));
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out TransportAddress mapped));
        Assert.Equal(RawMessage.IPv4Client, mapped);
    }

    [Fact]
    public void Without_the_attribute_the_addresses_are_told_and_nothing_changes()
    {
        (byte[] answer, TransportAddress from) = Respond(RawMessage.Make("0001"), "192.0.2.1:3478", s_discovery);
        Assert.Equal("192.0.2.1:3478", from.ToString());
        Assert.True(StunReader.TryParse(answer, out StunReader message));
        Assert.Equal("192.0.2.2:3479", Plain(message, StunAttributeType.OtherAddress));
    }

    [Theory]
    [InlineData("192.0.2.3:3478")]
    [InlineData("192.0.2.1:5349")]
    public void On_an_address_that_has_no_other_one_a_change_is_an_unknown_attribute(string local)
    {
        (byte[] answer, _) = Respond(RawMessage.Make("0001", "0003000400000006", "7ffe0000"), local, s_discovery);
        Assert.Equal(RawMessage.Make("0111", "0009000400000414", "000a00047ffe0003"), answer);
        (answer, _) = Respond(RawMessage.Make("0001"), local, s_discovery);
        Assert.Equal(RawMessage.Respond(RawMessage.Make("0001")), answer);
    }

    [Fact]
    public void The_stateless_server_refuses_a_change()
        => Assert.Equal(RawMessage.Make("0111", "0009000400000414", "000a000200030000"), RawMessage.Respond(RawMessage.Make("0001", "0003000400000000")));

    [Theory]
    [InlineData("192.0.2.1:3478", "192.0.2.1:3479")]
    [InlineData("192.0.2.1:3478", "192.0.2.2:3478")]
    [InlineData("192.0.2.1:3478", "[2001:db8::1]:3479")]
    public void Two_addresses_differ_in_address_and_port_and_are_of_one_family(string first, string second)
        => Assert.Throws<ArgumentException>(() => new NatDiscovery((Parse(first), Parse(second))));

    private static (byte[] Answer, TransportAddress From) Respond(byte[] request, string local, NatDiscovery discovery)
    {
        var response = new byte[BindingServer.MaxResponseLength];
        Assert.True(StunReader.TryParse(request, out StunReader message));
        int length = BindingServer.Respond(message, RawMessage.IPv4Client, Parse(local), discovery, response, out TransportAddress source);
        return (response[..length], source);
    }

    private static string Plain(in StunReader message, StunAttributeType type)
    {
        Assert.True(message.TryGet(type, out ReadOnlySpan<byte> value));
        Assert.True(StunAddress.TryRead(value, out TransportAddress address));
        return address.ToString();
    }

    private static TransportAddress Parse(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));
        return address;
    }
}
