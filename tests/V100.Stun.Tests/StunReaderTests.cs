using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Stun.Tests;

public class StunReaderTests(ITestOutputHelper output)
{
    [Fact]
    public void The_range_of_a_value_is_where_it_stands_without_its_padding()
    {
        byte[] bytes = RawMessage.Make("0016", "001200080001a147e112a643", "00130003010203ff");
        Assert.True(StunReader.TryParse(bytes, out StunReader message));
        Assert.True(message.TryGetRange(StunAttributeType.Data, out int offset, out int length));
        Assert.Equal([1, 2, 3], bytes[offset..(offset + length)]);
        Assert.False(message.TryGetRange(StunAttributeType.Nonce, out offset, out length));
        Assert.Equal((0, 0), (offset, length));
    }

    [Fact]
    public void Every_known_type_has_a_place_of_its_own()
    {
        StunAttributeType[] types = Enum.GetValues<StunAttributeType>();
        Assert.Equal(Enumerable.Range(0, StunAttributeSlot.Count), types.Select(StunAttributeSlot.Of).Order());
        int known = Enumerable.Range(0, 0x10000).Count(type => StunAttributeSlot.OfHeader((uint)type << 16 | 0xFFFF) != StunAttributeSlot.Unknown);
        Assert.Equal(types.Length, known);
        Assert.Equal(StunAttributeSlot.MessageIntegrity, StunAttributeSlot.Of(StunAttributeType.MessageIntegrity));
        Assert.Equal(StunAttributeSlot.MessageIntegritySha256, StunAttributeSlot.Of(StunAttributeType.MessageIntegritySha256));
        Assert.Equal(StunAttributeSlot.Fingerprint, StunAttributeSlot.Of(StunAttributeType.Fingerprint));
    }

    [Fact]
    public void Every_known_attribute_is_found_with_its_own_value()
    {
        foreach (StunAttributeType type in Enum.GetValues<StunAttributeType>().Where(type => type != StunAttributeType.Fingerprint))
        {
            byte[] bytes = RawMessage.Make("0003", "80ff0000", $"{(int)type:x4}0003aabbcc00");
            Assert.True(StunReader.TryParse(bytes, out StunReader message));
            foreach (StunAttributeType other in Enum.GetValues<StunAttributeType>())
            {
                Assert.Equal(other == type, message.Has(other));
                Assert.Equal(other == type, message.TryGet(other, out ReadOnlySpan<byte> value));
                Assert.Equal(other == type ? "AABBCC" : "", Convert.ToHexString(value));
            }

            Assert.False(message.TryGetUInt32(type, out _));
            Assert.False(message.TryGetUInt64(type, out _));
            Assert.False(message.TryGetXorAddress(type, out _));
        }
    }

    [Fact]
    public void An_unknown_type_is_never_found()
    {
        Assert.True(StunReader.TryParse(RawMessage.Make("0001", "ffff0000"), out StunReader message));
        Assert.False(message.Has((StunAttributeType)0xFFFF));
        Assert.False(message.TryGet((StunAttributeType)0xFFFF, out _));
    }

    [Fact]
    public void Repeated_attributes_are_enumerated_up_to_the_integrity()
    {
        byte[] bytes = RawMessage.Make(
            "0008", "001200080001a147e112a643", "80220001aa000000", "001200080001a147e112a644",
            "00080014" + new string('0', 40), "001200080001a147e112a645");
        Assert.True(StunReader.TryParse(bytes, out StunReader message));
        var seen = new List<string>();
        foreach (StunAttribute attribute in message)
        {
            seen.Add($"{attribute.Type} {Convert.ToHexString(attribute.Value)}");
        }

        Assert.Equal(["XorPeerAddress 0001A147E112A643", "Software AA", "XorPeerAddress 0001A147E112A644"], seen);
    }

    [Theory]
    [InlineData("00000190", StunErrorCode.BadRequest, false)]
    [InlineData("00000401", (StunErrorCode)401, true)]
    [InlineData("00000457", StunErrorCode.RoleConflict, true)]
    [InlineData("00000264", default(StunErrorCode), false)]
    [InlineData("00000464", default(StunErrorCode), false)]
    public void An_error_code_is_read(string value, StunErrorCode code, bool good)
    {
        Assert.True(StunReader.TryParse(RawMessage.Make("0111", "00090004" + value), out StunReader message));
        Assert.Equal(good, message.TryGetErrorCode(out StunErrorCode read));
        if (good)
        {
            Assert.Equal(code, read);
        }
    }

    [Fact]
    public void The_largest_datagram_is_read_to_its_end()
    {
        var bytes = new byte[65_504];
        RawMessage.Make("0001").CopyTo(bytes, 0);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), 65_504 - 20);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(20), 0x8022_0000 | (65_504 - 20 - 4 - 8));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(^8), 0x0024_0004);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(^4), 77);
        Assert.True(StunReader.TryParse(bytes, out StunReader message));
        Assert.True(message.TryGetUInt32(StunAttributeType.Priority, out uint priority));
        Assert.Equal(77u, priority);
    }

    [Fact]
    public void Random_and_mutated_messages_never_throw_and_what_is_read_lies_inside()
    {
        Random random = Seeds.NewRandom(output);
        StunAttributeType[] types = Enum.GetValues<StunAttributeType>();
        int accepted = 0;
        for (int round = 0; round < 50_000; round++)
        {
            byte[] bytes = [.. StunVectorTests.SampleRequest];
            for (int change = random.Next(4); change >= 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            if (!StunReader.TryParse(bytes, out StunReader message))
            {
                continue;
            }

            accepted++;
            int total = 0;
            foreach (StunAttributeType type in types)
            {
                message.TryGet(type, out ReadOnlySpan<byte> value);
                message.TryGetXorAddress(type, out _);
                total += value.Length;
            }

            foreach (StunAttribute attribute in message)
            {
                Assert.True(attribute.Value.Length <= bytes.Length);
            }

            Assert.True(total <= bytes.Length);
        }

        Assert.InRange(accepted, 1000, 49_000);
    }

    [Fact]
    public void Reading_checking_and_answering_allocate_nothing()
    {
        var key = new V100.Net.Crypto.HmacSha1Key("VOkJxbRl1RmTxUk/WvJxBt"u8);
        byte[] request = StunVectorTests.SampleRequest;
        var response = new byte[BindingServer.MaxResponseLength];
        int good = 0;
        void Rounds(int count)
        {
            for (int i = 0; i < count; i++)
            {
                good += StunReader.TryParse(request, out StunReader message)
                    && StunIntegrity.Verify(message, key) && StunFingerprint.Verify(message) ? 1 : 0;
                good += BindingServer.Respond(new Datagram(request, RawMessage.IPv4Client, default), response) > 0 ? 1 : 0;
            }
        }

        Rounds(10);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Rounds(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(2020, good);
    }
}
