using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

public class ReceiveStatisticsTests(ITestOutputHelper output)
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

    [Theory]
    [InlineData(true, false)] // as RFC 7587, 3.1.3 has it: timestamps go on in silence
    [InlineData(false, true)] // they stand still, and the marker tells
    [InlineData(false, false)] // and nothing tells
    public void Sixty_seconds_of_silence_are_neither_loss_nor_jitter(bool timestampsGoOn, bool marksTalkspurts)
    {
        Random random = Seeds.NewRandom(output);
        var statistics = new ReceiveStatistics(new Ssrc(9), 48_000);
        var gaps = new GapTracker(GapLimits.Audio);
        var sequence = new SequenceNumber(65_400);
        uint timestamp = uint.MaxValue - 50_000;
        long sentAt = 0;
        for (int spurt = 0; spurt < 4; spurt++)
        {
            for (int packet = 0; packet < 100; packet++)
            {
                Send(packet == 0 && marksTalkspurts, 20);
            }

            // Silence (DTX): every 400 ms a packet of comfort noise, or none at all.
            for (int ms = 0; ms < 60_000; ms += 400)
            {
                sentAt += 400;
                timestamp += timestampsGoOn ? 400 * 48u : 0;
                if (timestampsGoOn && spurt % 2 == 0)
                {
                    Send(false, 0);
                }

                if (sentAt % 1_000 == 0)
                {
                    ReportBlock silent = statistics.TakeReport(Ms(sentAt + 100));
                    Assert.Equal((0, 0), (silent.FractionLost, silent.CumulativeLost));
                }

                Assert.True(gaps.NextDeadline > Ms(sentAt + 400), "nothing is asked for");
            }
        }

        ReportBlock report = statistics.TakeReport(Ms(sentAt + 100));
        Assert.Equal((0, 0), (report.FractionLost, report.CumulativeLost));

        void Send(bool marker, int milliseconds)
        {
            Instant arrival = Ms(sentAt + 50 + random.Next(5));
            gaps.OnPacket(statistics.OnPacket(sequence, timestamp, arrival, marker), arrival);
            Assert.InRange(statistics.Jitter, 0u, 10 * 48u);
            sequence = sequence.Next;
            timestamp += (uint)milliseconds * 48;
            sentAt += milliseconds;
        }
    }

    [Fact]
    public void A_talkspurt_after_a_short_silence_in_which_timestamps_stood_still_begins_anew()
    {
        var statistics = new ReceiveStatistics(new Ssrc(9), 48_000);
        for (int packet = 0; packet < 200; packet++)
        {
            statistics.OnPacket(new SequenceNumber((ushort)packet), (uint)packet * 960, Ms(packet * 20 + packet / 10 * 700), packet % 10 == 0);
            Assert.Equal(0u, statistics.Jitter);
        }
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
