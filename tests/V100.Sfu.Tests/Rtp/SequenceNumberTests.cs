using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class SequenceNumberTests
{
    [Theory]
    [InlineData(5, 3, 2)]
    [InlineData(3, 5, -2)]
    [InlineData(2, 65_534, 4)]
    [InlineData(65_534, 2, -4)]
    [InlineData(32_767, 0, 32_767)]
    [InlineData(32_768, 0, -32_768)]
    public void Distance_is_circular(int left, int right, int expected)
    {
        var newer = new SequenceNumber((ushort)left);
        Assert.Equal(expected, newer.DistanceFrom(new SequenceNumber((ushort)right)));
        Assert.Equal(expected > 0, newer.IsNewerThan(new SequenceNumber((ushort)right)));
    }

    [Fact]
    public void Steps_wrap()
    {
        Assert.Equal(new SequenceNumber(0), new SequenceNumber(65_535).Next);
        Assert.Equal(new SequenceNumber(65_534), new SequenceNumber(1) + -3);
    }
}
