using System.Security.Cryptography;
using System.Text;
using V100.Net;
using V100.Net.Crypto;

namespace V100.Stun.Tests;

/// <summary>Lines 11 and 12 of the conformance list: the published messages.</summary>
public class StunVectorTests
{
    private const string ShortTermPassword = "VOkJxbRl1RmTxUk/WvJxBt";

    // "Matrix" in Katakana, as UTF-8.
    private const string LongTermUser = "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9";

    // RFC 5769, 2.1.
    internal static readonly byte[] SampleRequest = RawMessage.Hex("""
        00010058 2112a442 b7e7a701bc34d686fa87dfae
        80220010 5354554e207465737420636c69656e74
        00240004 6e0001ff
        80290008 932ff9b151263b36
        00060009 6576746a3a68367659202020
        00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
        80280004 e57a3bcf
        """);

    // RFC 5769, 2.2.
    private static readonly byte[] SampleIPv4Response = RawMessage.Hex("""
        0101003c 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f7220
        00200008 0001a147e112a643
        00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
        80280004 c07d4c96
        """);

    // RFC 5769, 2.3.
    private static readonly byte[] SampleIPv6Response = RawMessage.Hex("""
        01010048 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f7220
        00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014 a382954e4be67bf11784c97c8292c275bfe3ed41
        80280004 c8fb0b4c
        """);

    // RFC 5769, 2.4.
    private static readonly byte[] SampleLongTermRequest = RawMessage.Hex("""
        00010060 2112a442 78ad3433c6ad72c029da412e
        00060012 e3839ee38388e383aae38383e382afe382b90000
        0015001c 662f2f3439396b393534643 64f4c33346f4c394653547679363473 41
        0014000b 6578616d706c652e6f726700
        00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666
        """);

    // RFC 8489, B.1, with the length, nonce and integrity of its verified erratum.
    private static readonly byte[] SampleSha256Request = RawMessage.Hex("""
        00010090 2112a442 78ad3433c6ad72c029da412e
        001e0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704
        00150029 6f624d61744a6f733241414143662f2f3439396b3935346436 4f4c33346f4c39465354767936347341 000000
        0014000b 6578616d706c652e6f726700
        001d0004 00020000
        001c0020 b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65
        """);

    [Fact]
    public void Line_11_RFC_5769_2_1_sample_request()
    {
        Assert.True(StunReader.TryParse(SampleRequest, out StunReader message));
        Assert.Equal(new StunMessageType(StunMethod.Binding, StunClass.Request), message.Type);
        Assert.Equal("STUN test client", Text(message, StunAttributeType.Software));
        Assert.Equal("evtj:h6vY", Text(message, StunAttributeType.Username));
        Assert.True(message.TryGetUInt32(StunAttributeType.Priority, out uint priority));
        Assert.Equal(0x6e0001ffu, priority);
        Assert.True(message.TryGetUInt64(StunAttributeType.IceControlled, out ulong tieBreaker));
        Assert.Equal(0x932ff9b151263b36ul, tieBreaker);
        Assert.True(StunIntegrity.Verify(message, ShortTermKey(ShortTermPassword)));
        Assert.False(StunIntegrity.Verify(message, ShortTermKey(ShortTermPassword + "x")));
        Assert.True(StunFingerprint.Verify(message));
    }

    [Fact]
    public void Line_11_RFC_5769_2_2_sample_IPv4_response() => AssertResponse(SampleIPv4Response, "192.0.2.1:32853");

    [Fact]
    public void Line_11_RFC_5769_2_3_sample_IPv6_response() =>
        AssertResponse(SampleIPv6Response, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");

    [Fact]
    public void Line_11_RFC_5769_2_4_sample_long_term_request_is_read_and_written()
    {
        Assert.True(StunReader.TryParse(SampleLongTermRequest, out StunReader message));
        Assert.Equal(LongTermUser, Text(message, StunAttributeType.Username));
        Assert.Equal("f//499k954d6OL34oL9FSTvy64sA", Text(message, StunAttributeType.Nonce));
        Assert.Equal("example.org", Text(message, StunAttributeType.Realm));
        // RFC 8489, 9.2.2; the password after preparation.
        var key = new HmacSha1Key(MD5.HashData(Encoding.UTF8.GetBytes($"{LongTermUser}:example.org:TheMatrIX")));
        Assert.True(StunIntegrity.Verify(message, key));

        // The one vector whose padding is zeros: written, it is the same to the byte.
        var bytes = new byte[200];
        var writer = new StunWriter(bytes, message.Type, message.TransactionId);
        foreach (StunAttribute attribute in message)
        {
            writer.Write(attribute.Type, attribute.Value);
        }

        writer.WriteIntegrity(key);
        Assert.Equal(SampleLongTermRequest, bytes[..writer.Finish()]);
    }

    [Fact]
    public void Line_12_RFC_8489_B_1_in_the_form_of_its_erratum_is_read_and_written()
    {
        Assert.True(StunReader.TryParse(SampleSha256Request, out StunReader message));
        Assert.True(message.TryGet(StunAttributeType.Userhash, out ReadOnlySpan<byte> userhash));
        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes($"{LongTermUser}:example.org")), userhash.ToArray());
        Assert.Equal("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA", Text(message, StunAttributeType.Nonce));
        Assert.True(message.TryGetUInt32(StunAttributeType.PasswordAlgorithm, out uint algorithm));
        Assert.Equal(0x0002_0000u, algorithm);
        // RFC 8489, 9.2.2 and 18.5.1.2.
        var key = new HmacSha256Key(SHA256.HashData(Encoding.UTF8.GetBytes($"{LongTermUser}:example.org:TheMatrIX")));
        Assert.True(StunIntegrity.Verify(message, key));

        var bytes = new byte[200];
        var writer = new StunWriter(bytes, message.Type, message.TransactionId);
        foreach (StunAttribute attribute in message)
        {
            writer.Write(attribute.Type, attribute.Value);
        }

        writer.WriteIntegrity(key);
        Assert.Equal(SampleSha256Request, bytes[..writer.Finish()]);
    }

    [Fact]
    public void No_changed_bit_of_the_sample_request_passes_integrity_and_fingerprint()
    {
        HmacSha1Key key = ShortTermKey(ShortTermPassword);
        for (int bit = 0; bit < SampleRequest.Length * 8; bit++)
        {
            byte[] changed = [.. SampleRequest];
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            bool passes = StunReader.TryParse(changed, out StunReader message)
                && StunFingerprint.Verify(message)
                && StunIntegrity.Verify(message, key);
            Assert.False(passes, $"bit {bit}");
        }
    }

    private static void AssertResponse(byte[] bytes, string address)
    {
        Assert.True(StunReader.TryParse(bytes, out StunReader message));
        Assert.Equal(new StunMessageType(StunMethod.Binding, StunClass.Success), message.Type);
        Assert.Equal("test vector", Text(message, StunAttributeType.Software));
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out TransportAddress mapped));
        Assert.Equal(address, mapped.ToString());
        Assert.True(StunIntegrity.Verify(message, ShortTermKey(ShortTermPassword)));
        Assert.True(StunFingerprint.Verify(message));
    }

    private static HmacSha1Key ShortTermKey(string password) => new(Encoding.UTF8.GetBytes(password));

    private static string Text(in StunReader message, StunAttributeType type) =>
        message.TryGet(type, out ReadOnlySpan<byte> value) ? Encoding.UTF8.GetString(value) : "(absent)";
}
