using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Stun.Tests;

public class StreamFramingTests(ITestOutputHelper output)
{
    private const int MaxLength = 2048;

    private static readonly byte[] s_message = RawMessage.Make("0001", "002400040000000a");
    private static readonly byte[] s_prefixed = [0, (byte)s_message.Length, .. s_message];

    [Fact]
    public void The_cookie_tells_a_plain_message_at_its_eighth_byte()
    {
        for (int length = 0; length < 8; length++)
        {
            Assert.Equal(StreamFraming.Undecided, StreamFramings.Detect(s_message.AsSpan(0, length), MaxLength));
        }

        Assert.Equal(StreamFraming.Stun, StreamFramings.Detect(s_message.AsSpan(0, 8), MaxLength));
        Assert.Equal(StreamFraming.Stun, StreamFramings.Detect(s_message, MaxLength));
    }

    [Fact]
    public void The_cookie_two_bytes_later_tells_a_length_before_each_packet()
    {
        for (int length = 0; length < StreamFramings.DecidingLength; length++)
        {
            Assert.Equal(StreamFraming.Undecided, StreamFramings.Detect(s_prefixed.AsSpan(0, length), MaxLength));
        }

        Assert.Equal(StreamFraming.LengthPrefixed, StreamFramings.Detect(s_prefixed.AsSpan(0, StreamFramings.DecidingLength), MaxLength));
        Assert.Equal(StreamFraming.LengthPrefixed, StreamFramings.Detect(s_prefixed, MaxLength));
        Assert.Equal(s_message.Length, StreamFramings.ReadPrefix(s_prefixed));
        Assert.Equal(-1, StreamFramings.ReadPrefix(s_prefixed.AsSpan(0, 1)));
    }

    [Theory]
    [InlineData("16", 1)] // TLS
    [InlineData("47", 1)] // HTTP
    [InlineData("4000", 1)] // ChannelData: nothing to be bound to
    [InlineData("0013 0001", 4)] // a packet shorter than a STUN header, a length that is no multiple of four
    [InlineData("001c 0001 000c", 6)] // the message's length is not the prefix's
    [InlineData("001c 8001", 4)] // RTP first
    [InlineData("001c 0001 0008 2112a443", 10)]
    [InlineData("0001 0000 2112a443", 8)]
    [InlineData("0801 0001", 2)] // longer than the limit
    public void Garbage_is_told_by_the_first_byte_that_can_tell(string hex, int byteCount)
    {
        byte[] bytes = RawMessage.Hex(hex);
        int told = Enumerable.Range(1, bytes.Length).First(length => StreamFramings.Detect(bytes.AsSpan(0, length), MaxLength) == StreamFraming.Garbage);
        Assert.Equal(byteCount, told);
    }

    [Fact]
    public void Ten_bytes_always_decide()
    {
        Random random = Seeds.NewRandom(output);
        byte[] bytes = new byte[StreamFramings.DecidingLength];
        for (int round = 0; round < 100_000; round++)
        {
            random.NextBytes(bytes);
            bytes[random.Next(bytes.Length)] = 0;
            s_prefixed.AsSpan(0, random.Next(bytes.Length)).CopyTo(bytes);
            Assert.NotEqual(StreamFraming.Undecided, StreamFramings.Detect(bytes, MaxLength));
        }
    }
}
