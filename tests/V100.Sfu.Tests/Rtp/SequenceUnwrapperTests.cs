using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class SequenceUnwrapperTests
{
    [Fact]
    public void Every_start_counts_on_through_wraps()
    {
        for (int start = 0; start <= ushort.MaxValue; start += 257)
        {
            var unwrapper = new SequenceUnwrapper();
            ExtendedSequence first = unwrapper.Unwrap(new SequenceNumber((ushort)start));
            for (int step = 1_000; step < 200_000; step += 1_000)
            {
                Assert.Equal(first + step, unwrapper.Unwrap(new SequenceNumber((ushort)(start + step))));
            }
        }
    }

    [Fact]
    public void Old_numbers_lie_behind_and_do_not_move_the_newest()
    {
        var unwrapper = new SequenceUnwrapper();
        Assert.False(unwrapper.HasStarted);
        ExtendedSequence first = unwrapper.Unwrap(new SequenceNumber(3));
        Assert.Equal(first - 6, unwrapper.Unwrap(new SequenceNumber(65_533)));
        Assert.Equal(first, unwrapper.Newest);
        Assert.Equal(new SequenceNumber(65_533), (first - 6).Wire);
        Assert.True((first - 6).Value > 0);
    }

    [Fact]
    public void Peek_changes_nothing()
    {
        var unwrapper = new SequenceUnwrapper();
        ExtendedSequence first = unwrapper.Unwrap(new SequenceNumber(10));
        Assert.Equal(first + 5, unwrapper.Peek(new SequenceNumber(15)));
        Assert.Equal(first, unwrapper.Newest);
    }
}
