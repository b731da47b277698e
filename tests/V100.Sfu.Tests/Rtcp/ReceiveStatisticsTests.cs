using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;

namespace V100.Sfu.Tests.Rtcp;

public class ReceiveStatisticsTests
{
    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    [Fact]
    public void Loss_is_told_per_interval_and_in_sum_through_the_wrap()
    {
        var statistics = new ReceiveStatistics(new Ssrc(9), 48_000);
        for (int index = 0; index < 100; index++)
        {
            if (index % 4 != 1)
            {
                statistics.OnPacket(new SequenceNumber((ushort)(65_500 + index)), (uint)(index * 960), Ms(index * 20));
            }
        }

        ReportBlock report = statistics.TakeReport(Ms(2_000));
        Assert.Equal(new Ssrc(9), report.Source);
        Assert.Equal(25, report.CumulativeLost);
        Assert.Equal(64, report.FractionLost);
        Assert.Equal(0x1_0000u + 63, report.HighestSequence);
        Assert.Equal(0u, report.LastSenderReport);
        Assert.Equal(0u, report.DelaySinceLastSenderReport);

        statistics.OnPacket(new SequenceNumber(64), 0, Ms(2_000));
        report = statistics.TakeReport(Ms(3_000));
        Assert.Equal(25, report.CumulativeLost);
        Assert.Equal(0, report.FractionLost);
        Assert.Equal(0, statistics.TakeReport(Ms(4_000)).FractionLost);
    }

    [Fact]
    public void Reordering_is_no_loss_and_duplicates_make_it_negative()
    {
        var statistics = new ReceiveStatistics(new Ssrc(9), 48_000);
        foreach (ushort sequence in new ushort[] { 3, 2, 5, 4, 4, 4 })
        {
            statistics.OnPacket(new SequenceNumber(sequence), 0, Ms(0));
        }

        ReportBlock report = statistics.TakeReport(Ms(0));
        Assert.Equal(-2, report.CumulativeLost);
        Assert.Equal(0, report.FractionLost);
        Assert.Equal(5u, report.HighestSequence);
    }

    [Fact]
    public void A_steady_stream_has_no_jitter_and_an_unsteady_one_that_of_the_formula()
    {
        var steady = new ReceiveStatistics(new Ssrc(9), 90_000);
        var unsteady = new ReceiveStatistics(new Ssrc(9), 90_000);
        double expected = 0;
        for (int index = 0; index < 500; index++)
        {
            uint timestamp = uint.MaxValue - 9_000 + (uint)index * 900;
            steady.OnPacket(new SequenceNumber((ushort)index), timestamp, Ms(index * 10));
            unsteady.OnPacket(new SequenceNumber((ushort)index), timestamp, Ms(index * 10 + index % 2 * 4));
            expected += index == 0 ? 0 : (360 - expected) / 16;
        }

        Assert.Equal(0u, steady.Jitter);
        Assert.InRange(unsteady.Jitter, expected - 2, expected + 2);
    }

    [Fact]
    public void The_last_sender_report_is_echoed_with_its_age()
    {
        var statistics = new ReceiveStatistics(new Ssrc(9), 90_000);
        statistics.OnPacket(new SequenceNumber(1), 0, Ms(0));
        statistics.OnSenderReport(0x11112222_33334444, Ms(100));
        ReportBlock report = statistics.TakeReport(Ms(1_600));
        Assert.Equal(0x22223333u, report.LastSenderReport);
        Assert.Equal(65_536u * 3 / 2, report.DelaySinceLastSenderReport);
    }

    [Fact]
    public void Counting_allocates_nothing()
    {
        var statistics = new ReceiveStatistics(new Ssrc(9), 90_000);
        int index = 0;
        Allocations.AssertNone(() =>
        {
            statistics.OnPacket(new SequenceNumber((ushort)++index), (uint)index, Ms(index));
            statistics.TakeReport(Ms(index));
        });
    }
}
