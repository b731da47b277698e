using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class EncodingWishesTests
{
    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    [Fact]
    public void What_nobody_takes_rests_after_the_hold_time_and_wakes_at_once()
    {
        var wishes = new EncodingWishes(Ms(0));
        Assert.False(wishes.Update(0b001, Ms(0)));
        Assert.Equal(0xFFu, wishes.Wanted);
        Assert.Equal(Ms(0) + EncodingWishes.Hold, wishes.NextDeadline);
        Assert.False(wishes.Update(0b001, Ms(3_999)));
        Assert.True(wishes.Update(0b001, Ms(4_000)));
        Assert.Equal(0b001u, wishes.Wanted);
        Assert.Equal(Instant.Never, wishes.NextDeadline);

        Assert.True(wishes.Update(0b101, Ms(10_000)));
        Assert.Equal(0b101u, wishes.Wanted);
    }

    [Fact]
    public void Who_comes_back_within_the_hold_time_moves_nothing()
    {
        var wishes = new EncodingWishes(Ms(0));
        wishes.Update(0b111, Ms(0));
        wishes.Update(0b111, Ms(5_000));
        Assert.Equal(0b111u, wishes.Wanted);
        for (int ms = 10_000; ms < 60_000; ms += 1_000)
        {
            Assert.False(wishes.Update(ms / 1_000 % 4 == 0 ? 0b111u : 0b011u, Ms(ms)));
        }

        // The time counts from the last look at which it was taken.
        wishes.Update(0b111, Ms(60_000));
        wishes.Update(0b011, Ms(61_000));
        Assert.Equal(Ms(65_000), wishes.NextDeadline);
        Assert.True(wishes.Update(0b011, Ms(65_000)));
        Assert.Equal(0b011u, wishes.Wanted);
    }

    [Fact]
    public void Nothing_and_what_is_no_encoding_have_no_bit()
    {
        Assert.Equal(0u, EncodingWishes.MaskOf(LayerChoice.None.Encoding));
        Assert.Equal(0u, EncodingWishes.MaskOf(EncodingWishes.MaxEncodings));
        Assert.Equal(4u, EncodingWishes.MaskOf(2));
    }
}
