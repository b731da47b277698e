using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class AbsoluteTimesTests
{
    [Fact]
    public void Send_time_is_seconds_in_6_18_and_wraps_after_64()
    {
        Assert.Equal(0u, AbsoluteSendTime.From(new Instant(0)));
        Assert.Equal(1u << 18, AbsoluteSendTime.From(new Instant(1_000_000_000)));
        Assert.Equal(3u << 17, AbsoluteSendTime.From(new Instant(65_500_000_000)));
        Assert.Equal(0xFF_FFFFu, AbsoluteSendTime.From(new Instant(63_999_999_999)));
        Span<byte> bytes = stackalloc byte[AbsoluteSendTime.Length];
        AbsoluteSendTime.Write(bytes, 0x123456);
        Assert.True(AbsoluteSendTime.TryRead(bytes, out uint value));
        Assert.Equal(0x123456u, value);
        Assert.False(AbsoluteSendTime.TryRead(bytes[..2], out _));
        Assert.Equal(TimeSpan.FromSeconds(2), AbsoluteSendTime.Between(63u << 18, 1u << 18));
        Assert.Equal(TimeSpan.FromSeconds(-2), AbsoluteSendTime.Between(1u << 18, 63u << 18));
    }

    [Theory]
    [InlineData(null, 8)]
    [InlineData(-3L, 16)]
    public void Capture_time_is_read_as_it_is_written(long? offset, int length)
    {
        var time = new AbsoluteCaptureTime(0xE000_0000_8000_0001, offset);
        Span<byte> bytes = stackalloc byte[20];
        Assert.Equal(length, time.Write(bytes));
        Assert.Equal(0xE0, bytes[0]);
        Assert.True(AbsoluteCaptureTime.TryRead(bytes[..length], out AbsoluteCaptureTime read));
        Assert.Equal(time, read);
        Assert.False(AbsoluteCaptureTime.TryRead(bytes[..(length - 1)], out _));
        Assert.Equal(0, time.Write(bytes[..(length - 1)]));
    }
}
