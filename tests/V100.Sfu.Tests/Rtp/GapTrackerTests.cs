using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class GapTrackerTests(ITestOutputHelper output)
{
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(60);

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    private static PacketArrival Arrive(GapTracker tracker, long sequence, long atMs) =>
        tracker.OnPacket(new ExtendedSequence(sequence), Ms(atMs));

    private static int[] Ask(GapTracker tracker, long atMs, int room = 1_200)
    {
        byte[] bytes = new byte[room];
        var writer = new SpanWriter(bytes);
        int count = tracker.WriteNacks(ref writer, new Ssrc(1), new Ssrc(2), Ms(atMs), RoundTrip);
        var asked = new List<int>();
        if (count > 0)
        {
            Assert.True(RtcpReader.TryParse(writer.Written, out RtcpReader reader));
            Assert.True(reader.TryRead(out RtcpPacket packet));
            Assert.True(GenericNack.TryParse(packet, out GenericNack nack));
            Assert.Equal(new Ssrc(2), nack.Media);
            foreach (SequenceNumber sequence in nack)
            {
                asked.Add(sequence.Value);
            }
        }
        else
        {
            Assert.Equal(0, writer.Position);
        }

        Assert.Equal(count, asked.Count);
        return [.. asked];
    }

    [Fact]
    public void A_gap_is_asked_for_after_the_tolerance_and_again_each_round_trip()
    {
        var tracker = new GapTracker(GapLimits.Video);
        Arrive(tracker, 65_534, 0);
        Assert.Equal(Instant.Never, tracker.NextDeadline);
        Assert.Equal(PacketArrival.InOrder, Arrive(tracker, 65_537, 5));
        Assert.Equal(Ms(15), tracker.NextDeadline);
        Assert.Empty(Ask(tracker, 14));
        Assert.Equal([65_535, 0], Ask(tracker, 15));
        Assert.Equal(Ms(75), tracker.NextDeadline);
        Assert.Empty(Ask(tracker, 74));
        Assert.Equal(PacketArrival.Recovered, Arrive(tracker, 65_536, 74));
        Assert.Equal([65_535], Ask(tracker, 75));
        Assert.Equal(1, tracker.RecoveredCount);
    }

    [Fact]
    public void What_was_sent_before_the_first_that_came_is_new_and_shows_the_gap_between()
    {
        var tracker = new GapTracker(GapLimits.Video);
        Arrive(tracker, 105, 0);
        Arrive(tracker, 107, 0);
        Assert.Equal(PacketArrival.Recovered, Arrive(tracker, 102, 1));
        Assert.Equal(PacketArrival.Unexpected, Arrive(tracker, 102, 2));
        Assert.Equal(PacketArrival.Recovered, Arrive(tracker, 101, 2));
        Assert.Equal([103, 104, 106], Ask(tracker, 20));
        Assert.Equal(PacketArrival.Recovered, Arrive(tracker, 104, 21));
        Assert.Equal(PacketArrival.Unexpected, Arrive(tracker, 105, 22));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(60)]
    [InlineData(300)]
    [InlineData(600)]
    public void However_far_the_publisher_is_no_packet_is_given_up_and_few_are_asked_for_twice(int responseMs)
    {
        var tracker = new GapTracker(GapLimits.Video);
        var answers = new Queue<(long Sequence, int At)>();
        byte[] bytes = new byte[1_200];
        int requests = 0;
        const int Lost = 100;
        long newest = 0;
        for (int ms = 0; newest < 10 * Lost || answers.Count > 0; ms++)
        {
            if (ms % 10 == 0 && newest < 10 * Lost)
            {
                newest += newest % 10 == 1 ? 2 : 1;
                Arrive(tracker, newest, ms);
            }

            while (answers.TryPeek(out (long Sequence, int At) answer) && answer.At <= ms)
            {
                Arrive(tracker, answers.Dequeue().Sequence, ms);
            }

            var writer = new SpanWriter(bytes);
            if (tracker.WriteNacks(ref writer, new Ssrc(1), new Ssrc(2), Ms(ms), TimeSpan.Zero) > 0)
            {
                Assert.True(RtcpReader.TryParse(writer.Written, out RtcpReader reader));
                Assert.True(reader.TryRead(out RtcpPacket packet));
                Assert.True(GenericNack.TryParse(packet, out GenericNack nack));
                foreach (SequenceNumber sequence in nack)
                {
                    requests++;
                    answers.Enqueue((sequence.Value, ms + responseMs));
                }
            }
        }

        Assert.Equal(0, tracker.AbandonedCount);
        Assert.Equal(Lost, tracker.RecoveredCount);
        Assert.InRange(requests, Lost, 2 * Lost);
    }

    [Fact]
    public void Reordering_within_the_tolerance_asks_for_nothing()
    {
        var tracker = new GapTracker(GapLimits.Video);
        Arrive(tracker, 100, 0);
        Arrive(tracker, 102, 1);
        Assert.Equal(PacketArrival.Recovered, Arrive(tracker, 101, 3));
        Assert.Equal(Instant.Never, tracker.NextDeadline);
        Assert.Empty(Ask(tracker, 100));
        Assert.Equal(PacketArrival.Unexpected, Arrive(tracker, 101, 4));
    }

    [Fact]
    public void Gaps_are_noticed_when_only_retransmissions_come()
    {
        // The media stream stops after 100; retransmissions of 103 and 106 arrive, restored to the source's numbers.
        var statistics = new ReceiveStatistics(new Ssrc(2), 90_000);
        var tracker = new GapTracker(GapLimits.Video);
        tracker.OnPacket(statistics.OnPacket(new SequenceNumber(100), 0, Ms(0)), Ms(0));
        tracker.OnPacket(statistics.OnRetransmission(new SequenceNumber(103)), Ms(20));
        tracker.OnPacket(statistics.OnRetransmission(new SequenceNumber(106)), Ms(20));
        Assert.Equal([101, 102, 104, 105], Ask(tracker, 30));
        tracker.OnPacket(statistics.OnRetransmission(new SequenceNumber(101)), Ms(50));
        tracker.OnPacket(statistics.OnRetransmission(new SequenceNumber(102)), Ms(50));
        tracker.OnPacket(statistics.OnRetransmission(new SequenceNumber(104)), Ms(50));
        Assert.Equal([105], Ask(tracker, 90));
        Assert.Equal(1, statistics.PacketCount);
        Assert.Equal(6, statistics.CumulativeLost);
    }

    [Fact]
    public void Requests_are_capped_and_then_a_key_frame_is_needed()
    {
        var tracker = new GapTracker(GapLimits.Video with { MaxRequests = 3 });
        Arrive(tracker, 100, 0);
        Arrive(tracker, 102, 0);
        int requests = 0;
        for (int ms = 0; ms < 900; ms++)
        {
            requests += Ask(tracker, ms).Length;
        }

        Assert.Equal(3, requests);
        Assert.Equal(0, tracker.Count);
        Assert.Equal(1, tracker.AbandonedCount);
        Assert.Equal(Instant.Never, tracker.NextDeadline);
        Assert.True(tracker.TryTakeKeyframeNeed());
        Assert.False(tracker.TryTakeKeyframeNeed());
    }

    [Fact]
    public void What_is_too_old_is_given_up()
    {
        var tracker = new GapTracker(GapLimits.Video);
        Arrive(tracker, 100, 0);
        Arrive(tracker, 102, 0);
        Assert.Empty(Ask(tracker, 1_001));
        Assert.Equal(1, tracker.AbandonedCount);
        Assert.True(tracker.TryTakeKeyframeNeed());
    }

    [Fact]
    public void A_gap_beyond_the_capacity_is_given_up_at_once()
    {
        var tracker = new GapTracker(GapLimits.Video);
        Arrive(tracker, 100, 0);
        Arrive(tracker, 102, 0);
        Arrive(tracker, 30_000, 1);
        Assert.Equal(0, tracker.Count);
        Assert.Equal(29_898, tracker.AbandonedCount);
        Assert.Equal(Ms(1), tracker.NextDeadline);
        Assert.Empty(Ask(tracker, 1));
        Assert.Equal(Instant.Never, tracker.NextDeadline);
        Assert.True(tracker.TryTakeKeyframeNeed());
        Arrive(tracker, 30_002, 2);
        Assert.Equal([30_001], Ask(tracker, 20));
    }

    [Fact]
    public void A_key_frame_ends_the_asking_for_what_is_older()
    {
        var tracker = new GapTracker(GapLimits.Video);
        Arrive(tracker, 100, 0);
        Arrive(tracker, 103, 0);
        Arrive(tracker, 106, 0);
        tracker.DiscardBefore(new ExtendedSequence(104));
        Assert.Equal([104, 105], Ask(tracker, 10));
    }

    [Fact]
    public void What_does_not_fit_the_packet_stays_due()
    {
        var tracker = new GapTracker(GapLimits.Video);
        Arrive(tracker, 100, 0);
        Arrive(tracker, 200, 0);
        int[] first = Ask(tracker, 10, room: GenericNack.GetLength(2));
        Assert.Equal(34, first.Length);
        Assert.Equal(Ms(10), tracker.NextDeadline);
        int[] rest = Ask(tracker, 10);
        Assert.Equal(135, rest[0]);
        Assert.Equal(65, rest.Length);
        Assert.Empty(Ask(tracker, 10, room: 8));
    }

    [Fact]
    public void Under_random_loss_exactly_what_is_missing_is_asked_for()
    {
        Random random = Seeds.NewRandom(output);
        var tracker = new GapTracker(GapLimits.Video);
        var missing = new SortedSet<long>();
        long newest = 65_536 + random.Next(65_536);
        Arrive(tracker, newest, 0);
        for (int ms = 2; ms < 60_000; ms += 2)
        {
            long sequence = newest + 1;
            while (random.Next(12) == 0)
            {
                missing.Add(sequence++);
            }

            newest = sequence;
            Assert.Equal(PacketArrival.InOrder, Arrive(tracker, sequence, ms));
            if (tracker.NextDeadline <= Ms(ms))
            {
                foreach (int asked in Ask(tracker, ms))
                {
                    long extended = newest + new SequenceNumber((ushort)asked).DistanceFrom(new ExtendedSequence(newest).Wire);
                    Assert.Contains(extended, missing);
                    if (random.Next(2) == 0)
                    {
                        Assert.Equal(PacketArrival.Recovered, Arrive(tracker, extended, ms));
                        missing.Remove(extended);
                    }
                }
            }

            Assert.Equal(missing.Count, tracker.Count + (int)tracker.AbandonedCount);
        }

        Assert.InRange(tracker.AbandonedCount, 0, 60);
    }

    [Fact]
    public void Tracking_and_asking_allocate_nothing()
    {
        var tracker = new GapTracker(GapLimits.Video);
        byte[] bytes = new byte[1_200];
        long sequence = 70_000;
        Allocations.AssertNone(() =>
        {
            sequence += 2;
            tracker.OnPacket(new ExtendedSequence(sequence), Ms(sequence));
            tracker.OnPacket(new ExtendedSequence(sequence - 9), Ms(sequence));
            var writer = new SpanWriter(bytes);
            tracker.WriteNacks(ref writer, new Ssrc(1), new Ssrc(2), Ms(sequence), RoundTrip);
        });
    }
}
