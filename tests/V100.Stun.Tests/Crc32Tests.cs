using System.Text;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Stun.Tests;

public class Crc32Tests(ITestOutputHelper output)
{
    [Fact]
    public void The_published_check_value()
    {
        byte[] digits = Encoding.ASCII.GetBytes("123456789");
        Assert.Equal(0xCBF43926u, Crc32.Compute(digits));
        Assert.Equal(0xCBF43926u, Crc32.BySlicing(digits));
    }

    [Fact]
    public void Every_way_agrees_with_the_definition()
    {
        Random random = Seeds.NewRandom(output);
        for (int length = 0; length <= 300; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            uint expected = BitwiseCrc32.Compute(bytes);
            Assert.True(expected == Crc32.BySlicing(bytes), $"slicing, length {length}");
            Assert.True(expected == Crc32.Compute(bytes), $"fastest, length {length}");
            if (Crc32.CanFold && length >= 16 && length % 4 == 0)
            {
                Assert.True(expected == Crc32.ByFolding(bytes), $"folding, length {length}");
            }
        }
    }
}
