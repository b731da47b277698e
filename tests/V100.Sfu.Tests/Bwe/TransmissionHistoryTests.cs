using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Bwe;

public class TransmissionHistoryTests
{
    private static readonly Instant _start = new(1_000_000_000);

    [Fact]
    public void Numbers_go_on_over_the_wrap()
    {
        var history = new TransmissionHistory();
        long first = history.Add(new SequenceNumber(65_535), 100, 0, _start);
        long second = history.Add(new SequenceNumber(0), 200, 3, _start);
        Assert.Equal(first + 1, second);
        Assert.Equal(first, history.Unwrap(new SequenceNumber(65_535)));
        Assert.True(history.Knows(second));
        Assert.Equal(3, history[second].ProbeCluster);
        Assert.False(history.Knows(second + 1));
        Assert.False(history.Knows(first - 1));
    }

    [Fact]
    public void It_grows_for_what_is_young_and_forgets_the_oldest_at_its_bound()
    {
        var history = new TransmissionHistory();
        long first = history.Add(new SequenceNumber(0), 100, 0, _start);
        for (int number = 1; number < TransmissionHistory.MaxLength; number++)
        {
            history.Add(new SequenceNumber((ushort)number), 100 + number % 50, 0, _start);
        }

        for (int number = 0; number < TransmissionHistory.MaxLength; number++)
        {
            Assert.True(history.Knows(first + number));
            Assert.Equal(100 + number % 50, history[first + number].Bytes);
        }

        history.Add(new SequenceNumber(TransmissionHistory.MaxLength), 100, 0, _start);
        Assert.False(history.Knows(first));
        Assert.True(history.Knows(first + 1));
    }

    [Fact]
    public void Numbers_that_were_skipped_are_not_known()
    {
        var history = new TransmissionHistory();
        long first = history.Add(new SequenceNumber(10), 100, 0, _start);
        history.Add(new SequenceNumber(15), 100, 0, _start);
        Assert.False(history.Knows(first + 3));
        long far = history.Add(new SequenceNumber(30_000), 100, 0, _start);
        Assert.False(history.Knows(first));
        Assert.False(history.Knows(far - 1));
        Assert.True(history.Knows(far));
    }
}
