using System.Buffers.Binary;
using V100.Net;

namespace V100.Stun.Tests;

/// <summary>The lines of the STUN conformance list that a datagram server answers: bytes in, bytes out.</summary>
public class BindingServerConformanceTests
{
    // 192.0.2.1:32853, mixed with the cookie (RFC 5769, 2.2).
    private const string XorMappedIPv4 = "002000080001a147e112a643";

    private const string UnknownRequired = "7ffe0004deadbeef";
    private const string UnknownOptional = "fffe0003c0ffee00";

    [Fact]
    public void Line_1_a_request_of_20_bytes_gets_its_address_under_the_same_transaction_id()
    {
        byte[] request = RawMessage.Hex("0001 0000 2112a442" + RawMessage.TransactionId);
        Assert.Equal(20, request.Length);
        Assert.Equal(RawMessage.Make("0101", XorMappedIPv4), RawMessage.Respond(request));
    }

    [Fact]
    public void Line_2_an_IPv6_address_is_mixed_with_cookie_and_transaction_id()
    {
        Assert.True(TransportAddress.TryParse("[2001:db8:1234:5678:11:2233:4455:6677]:32853", out TransportAddress client));
        byte[] request = RawMessage.Hex("0001 0000 2112a442 b7e7a701bc34d686fa87dfae");
        // RFC 5769, 2.3.
        byte[] expected = RawMessage.Hex(
            "0101 0018 2112a442 b7e7a701bc34d686fa87dfae 0020 0014 0002 a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9");
        Assert.Equal(expected, RawMessage.Respond(request, client));
    }

    [Theory]
    [InlineData("8001 0000 2112a442", "first bit")]
    [InlineData("4001 0000 2112a442", "second bit")]
    [InlineData("0001 0000 2112a443", "cookie")]
    [InlineData("0001 0001 2112a442", "length not a multiple of four")]
    [InlineData("0001 0004 2112a442", "length beyond the datagram")]
    public void Line_3_a_bad_header_gets_silence(string header, string what)
    {
        Assert.True(RawMessage.Respond(RawMessage.Hex(header + RawMessage.TransactionId)).Length == 0, what);
    }

    [Fact]
    public void Line_3_bytes_behind_the_message_get_silence()
    {
        Assert.Empty(RawMessage.Respond(RawMessage.Hex("0001 0000 2112a442" + RawMessage.TransactionId + "00000000")));
    }

    [Fact]
    public void Line_3_every_truncation_of_a_good_request_gets_silence()
    {
        byte[] whole = RawMessage.Make("0001", UnknownOptional);
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Empty(RawMessage.Respond(whole[..length]));
        }

        Assert.NotEmpty(RawMessage.Respond(whole));
    }

    [Fact]
    public void Line_3_an_attribute_that_ends_beyond_the_message_gets_silence()
    {
        Assert.Empty(RawMessage.Respond(RawMessage.Make("0001", "80220005", "61626364")));
        Assert.Empty(RawMessage.Respond(RawMessage.Make("0001", "8022ffff", "61626364")));
        Assert.NotEmpty(RawMessage.Respond(RawMessage.Make("0001", "80220004", "61626364")));
    }

    [Fact]
    public void Line_4_an_unknown_required_attribute_gets_420_with_the_list()
    {
        byte[] expected = RawMessage.Make("0111", "0009000400000414", "000a00027ffe0000");
        Assert.Equal(expected, RawMessage.Respond(RawMessage.Make("0001", UnknownRequired)));
    }

    [Fact]
    public void Line_4_the_list_names_each_type_once_and_is_bounded()
    {
        byte[] expected = RawMessage.Make("0111", "0009000400000414", "000a00047ffe7ffd");
        Assert.Equal(expected, RawMessage.Respond(RawMessage.Make("0001", UnknownRequired, "7ffd0000", UnknownRequired)));

        string many = string.Concat(Enumerable.Range(0x7000, 100).Select(type => $"{type:x4}0000"));
        byte[] bounded = RawMessage.Make("0111", "0009000400000414", "000a0010", "70007001700270037004700570067007");
        Assert.Equal(bounded, RawMessage.Respond(RawMessage.Make("0001", many)));
    }

    [Fact]
    public void Line_5_an_unknown_optional_attribute_is_ignored()
    {
        Assert.Equal(RawMessage.Make("0101", XorMappedIPv4), RawMessage.Respond(RawMessage.Make("0001", UnknownOptional)));
    }

    [Fact]
    public void Line_6_an_indication_gets_silence_also_with_an_unknown_required_attribute()
    {
        Assert.Empty(RawMessage.Respond(RawMessage.Make("0011", UnknownRequired)));
        Assert.Empty(RawMessage.Respond(RawMessage.Make("0011")));
    }

    [Fact]
    public void Line_7_a_bad_fingerprint_gets_silence_and_a_good_one_is_answered_with_one()
    {
        byte[] request = RawMessage.Make("0001", "8028000400000000");
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(24), BitwiseCrc32.Compute(request.AsSpan(0, 20)) ^ 0x5354554E);
        byte[] response = RawMessage.Respond(request);
        Assert.Equal(RawMessage.Make("0101", XorMappedIPv4, "80280004")[..^4][20..], response[20..^8]);
        Assert.Equal(
            BitwiseCrc32.Compute(response.AsSpan(..^8)) ^ 0x5354554E,
            BinaryPrimitives.ReadUInt32BigEndian(response.AsSpan(^4..)));

        for (int bit = 0; bit < 32; bit++)
        {
            byte[] changed = [.. request];
            changed[24 + bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Empty(RawMessage.Respond(changed));
        }
    }

    [Fact]
    public void Line_8_of_a_repeated_attribute_the_first_wins()
    {
        byte[] bytes = RawMessage.Make("0001", "002400040000000a", "002400040000000b");
        Assert.True(StunReader.TryParse(bytes, out StunReader message));
        Assert.True(message.TryGetUInt32(StunAttributeType.Priority, out uint priority));
        Assert.Equal(10u, priority);
    }

    [Fact]
    public void Line_9_an_attribute_behind_the_integrity_is_ignored()
    {
        string integrity = "00080014" + new string('0', 40);
        byte[] bytes = RawMessage.Make("0001", integrity, "002400040000000b", UnknownRequired);
        Assert.True(StunReader.TryParse(bytes, out StunReader message));
        Assert.False(message.Has(StunAttributeType.Priority));
        Assert.True(message.UnknownRequired.IsEmpty);
        Assert.Equal(RawMessage.Make("0101", XorMappedIPv4), RawMessage.Respond(bytes));
    }

    [Fact]
    public void Line_9_integrity_sha256_and_fingerprint_still_count_behind_the_integrity()
    {
        string integrity = "00080014" + new string('0', 40);
        string integritySha256 = "001c0020" + new string('0', 64);
        byte[] bytes = RawMessage.Make("0001", integrity, integritySha256, "80280004deadbeef");
        Assert.True(StunReader.TryParse(bytes, out StunReader message));
        Assert.True(message.Has(StunAttributeType.MessageIntegritySha256));
        Assert.True(message.Has(StunAttributeType.Fingerprint));

        Assert.True(StunReader.TryParse(RawMessage.Make("0001", integritySha256, integrity), out message));
        Assert.False(message.Has(StunAttributeType.MessageIntegrity));
    }

    [Fact]
    public void Line_9_nothing_may_follow_the_fingerprint()
    {
        Assert.False(StunReader.TryParse(RawMessage.Make("0001", "80280004deadbeef", UnknownOptional), out _));
        Assert.False(StunReader.TryParse(RawMessage.Make("0001", "80280008deadbeefdeadbeef"), out _));
    }

    [Fact]
    public void Line_10_a_retransmission_gets_an_identical_reply()
    {
        byte[] request = RawMessage.Make("0001", UnknownOptional);
        byte[] first = RawMessage.Respond(request);
        Assert.NotEmpty(first);
        Assert.Equal(first, RawMessage.Respond(request));
    }

    [Fact]
    public void Every_answer_fits_what_is_promised()
    {
        string many = string.Concat(Enumerable.Range(0x7000, 9).Select(type => $"{type:x4}0000"));
        byte[] request = RawMessage.Make("0001", many, "8028000400000000");
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(^4), BitwiseCrc32.Compute(request.AsSpan(..^8)) ^ 0x5354554E);
        Assert.InRange(RawMessage.Respond(request).Length, 40, BindingServer.MaxResponseLength);
    }

    [Theory]
    [InlineData("0003")]
    [InlineData("0101")]
    [InlineData("0111")]
    public void Other_methods_and_classes_get_silence(string type) => Assert.Empty(RawMessage.Respond(RawMessage.Make(type)));
}
