using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

public class TransportFeedbackBuilderTests(ITestOutputHelper output)
{
    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    /// <summary>Reads all feedback that is due: sequence → arrival in ms, or −1 for lost; later statements replace earlier ones.</summary>
    private static int Drain(TransportFeedbackBuilder builder, SortedDictionary<int, long> said, ref byte expectedCount)
    {
        int packets = 0;
        byte[] bytes = new byte[1_200];
        while (true)
        {
            var writer = new SpanWriter(bytes);
            if (!builder.WriteFeedback(ref writer, new Ssrc(1), new Ssrc(2)))
            {
                Assert.Equal(Instant.Never, builder.NextDeadline);
                return packets;
            }

            packets++;
            Assert.True(TransportFeedback.TryParse(Wire.Single(writer.Written), out TransportFeedback feedback));
            Assert.Equal(expectedCount++, feedback.FeedbackCount);
            foreach (TransportFeedback.Status status in feedback)
            {
                said[status.Sequence.Value] = status.IsReceived ? status.ArrivalTicks / 4 : -1;
            }
        }
    }

    [Fact]
    public void Feedback_is_due_an_interval_after_the_first_arrival_and_tells_arrivals_and_losses()
    {
        var builder = new TransportFeedbackBuilder();
        var said = new SortedDictionary<int, long>();
        byte count = 0;
        Assert.Equal(Instant.Never, builder.NextDeadline);
        Assert.Equal(0, Drain(builder, said, ref count));
        builder.OnPacket(new SequenceNumber(65_534), Ms(10));
        builder.OnPacket(new SequenceNumber(1), Ms(30));
        Assert.Equal(Ms(110), builder.NextDeadline);
        Assert.Equal(1, Drain(builder, said, ref count));
        Assert.Equal(new Dictionary<int, long> { [65_534] = 10, [65_535] = -1, [0] = -1, [1] = 30 }.OrderBy(pair => pair.Key), said);
    }

    [Fact]
    public void A_packet_after_its_report_is_reported_again()
    {
        var builder = new TransportFeedbackBuilder();
        var said = new SortedDictionary<int, long>();
        byte count = 0;
        builder.OnPacket(new SequenceNumber(10), Ms(0));
        builder.OnPacket(new SequenceNumber(13), Ms(5));
        Drain(builder, said, ref count);
        builder.OnPacket(new SequenceNumber(11), Ms(150));
        builder.OnPacket(new SequenceNumber(13), Ms(160)); // a duplicate changes nothing
        Assert.Equal(Ms(250), builder.NextDeadline);
        Drain(builder, said, ref count);
        Assert.Equal(new Dictionary<int, long> { [10] = 0, [11] = 150, [12] = -1, [13] = 5 }, said);
        Assert.Equal(2, count);
    }

    [Fact]
    public void Two_minutes_of_audio_alone_through_loss_and_wrap_are_told_truly()
    {
        Random random = Seeds.NewRandom(output);
        var builder = new TransportFeedbackBuilder();
        var said = new SortedDictionary<int, long>();
        var truth = new SortedDictionary<int, long>();
        byte count = 0;
        int packets = 0;
        for (int index = 0; index < 6_000; index++)
        {
            int sequence = 62_000 + index & 0xFFFF;
            bool isLost = index > 0 && index < 5_999 && random.Next(20) == 0;
            truth[sequence] = isLost ? -1 : index * 20;
            if (!isLost)
            {
                builder.OnPacket(new SequenceNumber((ushort)sequence), Ms(index * 20));
            }

            if (builder.NextDeadline <= Ms(index * 20))
            {
                packets += Drain(builder, said, ref count);
            }
        }

        packets += Drain(builder, said, ref count);
        Assert.Equal(truth, said);
        Assert.InRange(packets, 900, 1_300);
    }

    [Fact]
    public void A_burst_beyond_the_window_is_bounded_and_a_leap_reports_what_is_left()
    {
        var builder = new TransportFeedbackBuilder();
        var said = new SortedDictionary<int, long>();
        byte count = 0;
        for (int index = 0; index < 5_000; index++)
        {
            builder.OnPacket(new SequenceNumber((ushort)index), Ms(1));
        }

        Assert.True(builder.NextDeadline <= Ms(1));
        Drain(builder, said, ref count);
        Assert.Equal(TransportFeedbackBuilder.WindowLength, said.Count);
        said.Clear();
        builder.OnPacket(new SequenceNumber(30_000), Ms(200));
        Drain(builder, said, ref count);
        Assert.Equal(200, said[30_000]);
    }

    [Fact]
    public void Collecting_and_writing_allocate_nothing()
    {
        var builder = new TransportFeedbackBuilder();
        byte[] bytes = new byte[1_200];
        int sequence = 0;
        Allocations.AssertNone(() =>
        {
            for (int packet = 0; packet < 20; packet++)
            {
                sequence += packet % 7 == 0 ? 2 : 1;
                builder.OnPacket(new SequenceNumber((ushort)sequence), Ms(sequence));
            }

            var writer = new SpanWriter(bytes);
            Assert.True(builder.WriteFeedback(ref writer, new Ssrc(1), new Ssrc(2)));
        });
    }
}
