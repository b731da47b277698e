namespace V100.Stun.Tests;

/// <summary>Lines 13 and 14 of the conformance list, as far as bytes decide them.</summary>
public class StunFramingTests
{
    private const int MaxLength = 2000;

    private static readonly byte[] s_message = RawMessage.Make("0001", "002400040000000a");
    private static readonly byte[] s_channelData = RawMessage.Hex("4001 0005 0102030405 000000");

    [Fact]
    public void Line_13_a_message_is_found_only_when_its_last_byte_is_there()
    {
        for (int length = 0; length < s_message.Length; length++)
        {
            Assert.Equal(StunFrame.Incomplete, StunFraming.Read(s_message.AsSpan(0, length), MaxLength, out int needed, out int consumed));
            Assert.Equal(length < 4 ? 4 : s_message.Length, needed);
            Assert.Equal(0, consumed);
        }

        Assert.Equal(StunFrame.Message, StunFraming.Read(s_message, MaxLength, out int frame, out int whole));
        Assert.Equal((s_message.Length, s_message.Length), (frame, whole));
    }

    [Fact]
    public void Line_13_two_messages_in_one_segment_are_both_found()
    {
        ReadOnlySpan<byte> stream = [.. s_message, .. s_channelData, .. s_message];
        Assert.Equal(StunFrame.Message, StunFraming.Read(stream, MaxLength, out int frame, out int consumed));
        Assert.Equal(s_message, stream[..frame].ToArray());
        stream = stream[consumed..];
        Assert.Equal(StunFrame.ChannelData, StunFraming.Read(stream, MaxLength, out frame, out consumed));
        Assert.Equal((9, 12), (frame, consumed));
        stream = stream[consumed..];
        Assert.Equal(StunFrame.Message, StunFraming.Read(stream, MaxLength, out frame, out consumed));
        Assert.Equal(s_message.Length, stream.Length);
    }

    [Fact]
    public void Channel_data_waits_for_its_padding()
    {
        for (int length = 1; length < s_channelData.Length; length++)
        {
            Assert.Equal(StunFrame.Incomplete, StunFraming.Read(s_channelData.AsSpan(0, length), MaxLength, out _, out _));
        }
    }

    [Theory]
    [InlineData("80")]
    [InlineData("474554202f20485454502f312e31")] // "GET / HTTP/1.1"
    [InlineData("16030100")] // a TLS ClientHello on the plain port
    [InlineData("00010002")]
    [InlineData("0001000021ff")]
    [InlineData("00010000211215")]
    [InlineData("0001fffc2112a442")] // longer than the limit
    [InlineData("4001ffff")]
    public void Line_14_garbage_is_told_by_the_first_byte_that_can_tell(string hex)
    {
        byte[] bytes = RawMessage.Hex(hex);
        bool garbage = false;
        for (int length = 1; length <= bytes.Length && !garbage; length++)
        {
            garbage = StunFraming.Read(bytes.AsSpan(0, length), MaxLength, out _, out int consumed) == StunFrame.Garbage;
            Assert.Equal(0, consumed);
        }

        Assert.True(garbage);
    }

    [Fact]
    public void The_limit_itself_is_allowed()
    {
        Assert.Equal(StunFrame.Message, StunFraming.Read(s_message, s_message.Length, out _, out _));
        Assert.Equal(StunFrame.Garbage, StunFraming.Read(s_message, s_message.Length - 1, out _, out _));
    }
}
