using System.Text;
using V100.Net;
using V100.Server.Connections;

namespace V100.Server.Tests.Connections;

public sealed class ProxyHeaderTests
{
    private const string Signature = "0D0A0D0A000D0A515549540A";

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 40000 3478\r\n", "192.0.2.7:40000")]
    [InlineData("PROXY TCP6 2001:db8::7 2001:db8::1 65535 1\r\n", "[2001:db8::7]:65535")]
    public void A_line_names_the_client(string line, string client) => AssertProxied(Encoding.ASCII.GetBytes(line), client);

    [Theory]
    [InlineData(Signature + "2111000C" + "C0000207C6336401" + "9C400D96", "192.0.2.7:40000")]
    [InlineData(Signature + "21110010" + "C0000207C6336401" + "9C400D96" + "03000100", "192.0.2.7:40000")]
    [InlineData(Signature + "21210024" + "20010DB8000000000000000000000007" + "20010DB8000000000000000000000001" + "9C400D96", "[2001:db8::7]:40000")]
    public void Version_2_names_the_client(string hex, string client) => AssertProxied(Convert.FromHexString(hex), client);

    [Theory]
    [InlineData("PROXY UNKNOWN\r\n")]
    [InlineData("PROXY UNKNOWN ffff:: ffff:: 1 2\r\n")]
    public void A_line_without_an_address_leaves_the_connections_own(string line) => AssertWhole(ProxyHeaderKind.Local, Encoding.ASCII.GetBytes(line));

    [Theory]
    [InlineData(Signature + "20000000")]
    [InlineData(Signature + "2011000C" + "C0000207C6336401" + "9C400D96")]
    [InlineData(Signature + "21000000")]
    public void Version_2_without_an_address_leaves_the_connections_own(string hex) => AssertWhole(ProxyHeaderKind.Local, Convert.FromHexString(hex));

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 40000 3478 1\r\n")]
    [InlineData("PROXY TCP4 2001:db8::7 198.51.100.1 40000 3478\r\n")]
    [InlineData("PROXY TCP6 192.0.2.7 198.51.100.1 40000 3478\r\n")]
    [InlineData("PROXY TCP4 7 198.51.100.1 40000 3478\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 65536 3478\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 -1 3478\r\n")]
    [InlineData("PROXY UDP4 192.0.2.7 198.51.100.1 40000 3478\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 40000 3478                                                                \r\n")]
    public void Another_line_is_bad(string line) => AssertBad(Encoding.ASCII.GetBytes(line));

    [Theory]
    [InlineData(Signature + "1111000C" + "C0000207C6336401" + "9C400D96")] // version 1
    [InlineData(Signature + "2211000C" + "C0000207C6336401" + "9C400D96")] // a command of no meaning
    [InlineData(Signature + "2112000C" + "C0000207C6336401" + "9C400D96")] // a datagram
    [InlineData(Signature + "2111000B" + "C0000207C6336401" + "9C400D")]
    [InlineData(Signature + "2121000C" + "C0000207C6336401" + "9C400D96")]
    [InlineData(Signature + "2111FFFF")]
    [InlineData("0D0A0D0A000D0A515549540B")]
    public void Another_version_2_is_bad(string hex) => AssertBad(Convert.FromHexString(hex));

    [Fact]
    public void Random_bytes_give_an_answer_within_the_longest_header()
    {
        var random = new Random(20261125);
        byte[] bytes = new byte[ProxyHeader.MaxLength];
        for (int round = 0; round < 5_000; round++)
        {
            random.NextBytes(bytes);
            Convert.FromHexString(Signature + "21").AsSpan(0, random.Next(14)).CopyTo(bytes);
            ProxyHeaderKind kind = ProxyHeader.Read(bytes, out int length, out _);
            Assert.True(kind != ProxyHeaderKind.Incomplete, $"round {round}: waits for more than the longest header");
            Assert.True(kind == ProxyHeaderKind.Bad || length is > 0 and <= ProxyHeader.MaxLength, $"round {round}: {length} bytes");
        }
    }

    private static void AssertProxied(byte[] header, string client)
    {
        AssertWhole(ProxyHeaderKind.Proxied, header);
        ProxyHeader.Read(header, out _, out TransportAddress source);
        Assert.Equal(client, source.ToString());
    }

    /// <summary>Incomplete at each shorter length, and nothing of what follows is taken.</summary>
    private static void AssertWhole(ProxyHeaderKind kind, byte[] header)
    {
        for (int length = 0; length < header.Length; length++)
        {
            Assert.Equal(ProxyHeaderKind.Incomplete, ProxyHeader.Read(header.AsSpan(0, length), out _, out _));
        }

        Assert.Equal(kind, ProxyHeader.Read((byte[])[.. header, 0, 1], out int taken, out _));
        Assert.Equal(header.Length, taken);
    }

    private static void AssertBad(byte[] header) => Assert.Equal(ProxyHeaderKind.Bad, ProxyHeader.Read(header, out _, out _));
}
