using V100.Net.Crypto;

namespace V100.Net.Tests.Crypto;

public class ConstantTimeTests
{
    [Fact]
    public void Every_single_changed_byte_is_seen_at_every_length()
    {
        for (int length = 0; length <= 40; length++)
        {
            byte[] left = new byte[length];
            byte[] right = new byte[length];
            Assert.True(ConstantTime.Equals(left, right));
            for (int position = 0; position < length; position++)
            {
                right[position] = 0x80;
                Assert.False(ConstantTime.Equals(left, right));
                right[position] = 0;
            }
        }
    }

    [Fact]
    public void Different_lengths_are_unequal() => Assert.False(ConstantTime.Equals([1, 2], [1, 2, 0]));
}
