using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class AbsoluteCaptureTimeTests
{
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
