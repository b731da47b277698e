using V100.Net;
using V100.Net.Crypto;

namespace V100.Stun.Tests;

public class StunWriterTests
{
    private static readonly StunMessageType s_request = new(StunMethod.Binding, StunClass.Request);

    [Fact]
    public void Every_kind_of_attribute_has_its_bytes_and_padding_is_zeros()
    {
        var bytes = new byte[200];
        bytes.AsSpan().Fill(0xEE);
        var writer = new StunWriter(bytes, s_request, Convert.FromHexString(RawMessage.TransactionId));
        writer.Write(StunAttributeType.Username, "abcde"u8);
        writer.WriteFlag(StunAttributeType.UseCandidate);
        writer.WriteUInt32(StunAttributeType.Priority, 0x6e0001ff);
        writer.WriteUInt64(StunAttributeType.IceControlling, 0x932ff9b151263b36);
        writer.WriteAddress(StunAttributeType.MappedAddress, RawMessage.IPv4Client);
        writer.WriteErrorCode(StunErrorCode.StaleNonce);
        writer.WriteUnknownAttributes([0x7ffe]);
        byte[] expected = RawMessage.Make(
            "0001", "000600056162636465000000", "00250000", "002400046e0001ff", "802a0008932ff9b151263b36",
            "0001000800018055c0000201", "0009000400000426", "000a00027ffe0000");
        Assert.Equal(expected, bytes[..writer.Finish()]);
    }

    [Fact]
    public void What_does_not_fit_gives_no_message_at_any_room()
    {
        var key = new HmacSha1Key("password"u8);
        byte[] whole = Write(new byte[200], key);
        Assert.Equal(20 + 16 + 12 + 24 + 8, whole.Length);
        for (int room = 0; room < whole.Length; room++)
        {
            Assert.Empty(Write(new byte[room], key));
        }

        Assert.Equal(whole, Write(new byte[whole.Length], key));
        Assert.True(StunReader.TryParse(whole, out StunReader message));
        Assert.True(StunIntegrity.Verify(message, key));
        Assert.True(StunFingerprint.Verify(message));
    }

    [Fact]
    public void An_attribute_of_the_longest_length_is_refused_when_the_message_cannot_say_it()
    {
        var bytes = new byte[70_000];
        var writer = new StunWriter(bytes, s_request, new byte[12]);
        writer.Write(StunAttributeType.Data, new byte[65_528]);
        Assert.False(writer.Overflowed);
        writer.WriteFlag(StunAttributeType.UseCandidate);
        Assert.True(writer.Overflowed);
        Assert.Equal(0, writer.Finish());
    }

    [Theory]
    [InlineData("0.0.0.0:0")]
    [InlineData("255.255.255.255:65535")]
    [InlineData("[::1]:1")]
    [InlineData("[2001:db8::ffff]:3478")]
    public void Addresses_survive_plain_and_mixed(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));
        var value = new byte[StunAddress.IPv6Length];
        byte[] transactionId = RawMessage.Hex("b7e7a701bc34d686fa87dfae");
        int length = StunAddress.WriteXor(value, address, transactionId);
        Assert.Equal(StunAddress.LengthOf(address), length);
        Assert.True(StunAddress.TryReadXor(value.AsSpan(0, length), transactionId, out TransportAddress mixed));
        Assert.Equal(address, mixed);
        length = StunAddress.Write(value, address);
        Assert.True(StunAddress.TryRead(value.AsSpan(0, length), out TransportAddress plain));
        Assert.Equal(address, plain);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0001a147e112a6")]
    [InlineData("0002a147e112a643")]
    [InlineData("0001a147e112a64300")]
    [InlineData("0001a1470113a9faa5d3f179bc25f4b5bed2b9d9")]
    [InlineData("0003a147e112a643")]
    public void What_is_no_address_is_refused(string hex) =>
        Assert.False(StunAddress.TryReadXor(Convert.FromHexString(hex), new byte[12], out _));

    [Fact]
    public void A_truncated_sha256_integrity_is_refused_unless_the_usage_allows_it()
    {
        var key = new HmacSha256Key("password"u8);
        for (int length = 0; length <= 40; length += 4)
        {
            // The MAC covers a length that depends on how much of the MAC is sent.
            byte[] bytes = RawMessage.Make("0001", $"001c{length:x4}" + new string('0', length * 2));
            var mac = new byte[40];
            key.Compute(bytes.AsSpan(0, 20), default, mac);
            mac.AsSpan(0, length).CopyTo(bytes.AsSpan(24));
            Assert.True(StunReader.TryParse(bytes, out StunReader message));
            Assert.Equal(length == 32, StunIntegrity.Verify(message, key));
            Assert.Equal(length is >= 16 and <= 32, StunIntegrity.Verify(message, key, minLength: 4));
        }
    }

    private static byte[] Write(byte[] room, HmacSha1Key key)
    {
        var writer = new StunWriter(room, s_request, new byte[12]);
        writer.Write(StunAttributeType.Username, "user:name:x"u8);
        writer.WriteXorAddress(StunAttributeType.XorMappedAddress, RawMessage.IPv4Client);
        writer.WriteIntegrity(key);
        writer.WriteFingerprint();
        return room[..writer.Finish()];
    }
}
