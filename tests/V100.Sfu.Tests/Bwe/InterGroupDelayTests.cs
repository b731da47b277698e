using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class InterGroupDelayTests
{
    private static Instant At(double ms) => new((long)(ms * 1_000_000));

    [Fact]
    public void Packets_sent_within_five_milliseconds_are_one_group()
    {
        var groups = new InterGroupDelay();
        Assert.False(groups.OnPacket(At(0), 100_000, out _));
        Assert.False(groups.OnPacket(At(4), 106_000, out _));
        Assert.False(groups.OnPacket(At(20), 120_000, out _));
        Assert.True(groups.OnPacket(At(40), 145_000, out GroupDelta delta));
        Assert.Equal(16, delta.SendMs, 6);
        Assert.Equal(14, delta.ArrivalMs, 6);
        Assert.Equal(-2, delta.DelayMs, 6);
    }

    [Fact]
    public void What_a_link_held_back_and_let_go_at_once_is_one_group()
    {
        var groups = new InterGroupDelay();
        groups.OnPacket(At(0), 100_000, out _);
        groups.OnPacket(At(20), 150_000, out _);

        // Sent 10 ms apart each, and all came with the one before.
        Assert.True(groups.OnPacket(At(30), 180_000, out _));
        Assert.False(groups.OnPacket(At(40), 181_000, out _));
        Assert.False(groups.OnPacket(At(50), 182_000, out _));
    }

    [Fact]
    public void A_receivers_clock_that_was_set_begins_anew()
    {
        var groups = new InterGroupDelay();
        groups.OnPacket(At(0), 0, out _);
        groups.OnPacket(At(20), 20_000, out _);
        groups.OnPacket(At(40), 90_000_000, out _);
        Assert.False(groups.OnPacket(At(60), 90_020_000, out _));
        Assert.False(groups.OnPacket(At(80), 90_040_000, out _));
        Assert.True(groups.OnPacket(At(100), 90_060_000, out GroupDelta delta));
        Assert.Equal(0, delta.DelayMs, 6);
    }

    [Fact]
    public void A_packet_of_an_earlier_group_changes_nothing()
    {
        var groups = new InterGroupDelay();
        groups.OnPacket(At(0), 0, out _);
        groups.OnPacket(At(20), 20_000, out _);
        Assert.False(groups.OnPacket(At(10), 60_000, out _));
        Assert.True(groups.OnPacket(At(40), 40_000, out GroupDelta delta));
        Assert.Equal(0, delta.DelayMs, 6);
    }
}
