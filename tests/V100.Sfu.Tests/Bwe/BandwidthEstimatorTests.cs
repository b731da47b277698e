using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtcp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Bwe;

public class BandwidthEstimatorTests(ITestOutputHelper output)
{
    private static readonly BandwidthLimits _limits = new();
    private static readonly Instant _start = new(1_000_000_000);

    private static Instant At(double ms) => _start + TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void It_begins_at_the_start_value_and_probes_three_and_six_times_as_much()
    {
        var estimator = new BandwidthEstimator();
        Assert.Equal(_limits.StartBps, estimator.EstimateBps);
        Assert.False(estimator.TryTakeProbe(_start, out _));
        estimator.SetDemand(10_000_000);
        estimator.OnPacketSent(new SequenceNumber(1), 1_000, _start, 0);
        Assert.True(estimator.TryTakeProbe(_start, out ProbeCluster probe));
        Assert.Equal(900_000, probe.RateBps);
        Assert.Equal(8_000, probe.Bytes - probe.MinDuration.TotalSeconds * _limits.StartBps / 8, 10.0);
        Assert.False(estimator.TryTakeProbe(_start, out _));
        double givenUpMs = probe.MinDuration.TotalMilliseconds + 1_001;
        estimator.HandleDeadline(At(givenUpMs));
        Assert.True(estimator.TryTakeProbe(At(givenUpMs), out ProbeCluster second));
        Assert.Equal(1_800_000, second.RateBps);
        Assert.NotEqual(probe.Id, second.Id);
    }

    [Fact]
    public void Nothing_is_probed_for_beyond_what_is_wanted()
    {
        var estimator = new BandwidthEstimator();
        estimator.SetDemand(500_000);
        estimator.OnPacketSent(new SequenceNumber(1), 1_000, _start, 0);
        Assert.True(estimator.TryTakeProbe(_start, out ProbeCluster probe));
        Assert.InRange(probe.RateBps, 500_000, 650_000);
        var idle = new BandwidthEstimator();
        idle.OnPacketSent(new SequenceNumber(1), 1_000, _start, 0);
        Assert.False(idle.TryTakeProbe(_start, out _));
    }

    [Fact]
    public void Remb_bounds_the_estimate_only_without_feedback()
    {
        var estimator = new BandwidthEstimator();
        estimator.HandleRemb(1_234_000, _start);
        Assert.Equal(1_234_000, estimator.EstimateBps);
        Assert.Equal(EstimateBound.Remb, estimator.State.Bound);
        estimator.HandleRemb(long.MaxValue, _start);
        Assert.InRange(estimator.EstimateBps, _limits.FloorBps, _limits.CeilingBps);
        estimator.HandleRemb(-5, _start);
        Assert.Equal(_limits.FloorBps, estimator.EstimateBps);
        Exchange(estimator, 0, 50);
        Assert.NotEqual(EstimateBound.Remb, estimator.State.Bound);
        Assert.InRange(estimator.EstimateBps, _limits.StartBps, _limits.CeilingBps);
    }

    [Fact]
    public void Reports_of_heavy_loss_lower_the_estimate_and_good_ones_raise_it()
    {
        var estimator = new BandwidthEstimator();
        for (int second = 0; second < 10; second++)
        {
            Send(estimator, second * 1000, 40, 900);
            estimator.HandleReport(0, 40, TimeSpan.FromMilliseconds(80), At(second * 1000 + 999));
        }

        Assert.InRange(estimator.EstimateBps, 310_000, 600_000);
        Assert.Equal(80, estimator.RoundTrip!.Value.TotalMilliseconds, 3);
        for (int second = 10; second < 20; second++)
        {
            Send(estimator, second * 1000, 40, 900);
            estimator.HandleReport(0.6, 40, TimeSpan.Zero, At(second * 1000 + 999));
        }

        Assert.InRange(estimator.EstimateBps, _limits.FloorBps, 290_000);
        Assert.Equal(EstimateBound.Loss, estimator.State.Bound);
        Assert.InRange(estimator.LossFraction, 0.5, 0.61);
    }

    [Fact]
    public void Feedback_makes_round_trip_and_acknowledged_rate_and_its_end_halves_the_estimate()
    {
        var estimator = new BandwidthEstimator();
        Exchange(estimator, 0, 200);
        Assert.InRange(estimator.RoundTrip!.Value.TotalMilliseconds, 35, 65);
        Assert.InRange(estimator.AcknowledgedBps, 700_000, 900_000);
        Assert.Equal(0, estimator.LossFraction);
        long before = estimator.EstimateBps;
        estimator.OnPacketSent(new SequenceNumber(5_000), 1_000, At(3_000), 0);
        Instant due = estimator.NextDeadline;
        for (int wake = 0; wake < 20 && estimator.State.Bound != EstimateBound.Silence; wake++)
        {
            due = estimator.NextDeadline;
            estimator.HandleDeadline(due);
        }

        Assert.InRange((due - At(3_000)).TotalMilliseconds, 900, 1_300);
        Assert.Equal(before / 2, estimator.EstimateBps, 1.0);
    }

    [Fact]
    public void Steady_work_allocates_nothing()
    {
        var estimator = new BandwidthEstimator();
        estimator.SetDemand(5_000_000);
        byte[] feedback = new byte[1_200];
        long[] ticks = new long[10];
        int number = 0;
        Allocations.AssertNone(() =>
        {
            for (int packet = 0; packet < 10; packet++)
            {
                estimator.OnPacketSent(new SequenceNumber((ushort)(number + packet)), 1_000, At((number + packet) * 10), 0);
                ticks[packet] = (number + packet) * 40 + 80;
            }

            Feed(estimator, feedback, (ushort)number, ticks, At((number + 9) * 10 + 40));
            estimator.TryTakeProbe(At((number + 9) * 10 + 40), out _);
            number += 10;
        });
    }

    /// <summary>A shard has thousands of peers: what each costs must stay small. What is held is at most what was ever allocated.</summary>
    [Fact]
    public void A_silent_peer_and_one_at_a_megabit_cost_little_memory()
    {
        var warm = new BandwidthEstimator();
        Exchange(warm, 0, 10);
        byte[] feedback = new byte[1_200];
        long[] ticks = new long[10];
        // The first ones pay for what all share.
        _ = new Pacer<(long, long, long, long)>(new BandwidthEstimator().EstimateBps);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var estimator = new BandwidthEstimator();
        var pacer = new Pacer<(long, long, long, long)>(estimator.EstimateBps);
        long silent = GC.GetAllocatedBytesForCurrentThread() - before;

        // 125 packets of 1,000 bytes a second for 20 s.
        for (int packet = 0; packet < 2_500; packet += 10)
        {
            for (int index = 0; index < 10; index++)
            {
                Instant at = At((packet + index) * 8);
                pacer.SetEstimate(estimator.EstimateBps);
                _ = pacer.TrySendNow(PacketClass.Video, 1_000, at) || pacer.TryEnqueue(PacketClass.Video, default, 1_000);
                estimator.OnPacketSent(new SequenceNumber((ushort)(packet + index)), 1_000, at, 0);
                pacer.TryDequeue(at, out _);
                ticks[index] = (packet + index) * 32 + 80;
            }

            var writer = new SpanWriter(feedback);
            TransportFeedbackWriter.Write(ref writer, new(new Ssrc(1), new Ssrc(2), new SequenceNumber((ushort)packet), (byte)(packet / 10)), ticks);
            bool isGood = TransportFeedback.TryParse(Wire.Single(writer.Written), out TransportFeedback parsed);
            Assert.True(isGood);
            estimator.HandleFeedback(parsed, At((packet + 9) * 8 + 40));
        }

        long active = GC.GetAllocatedBytesForCurrentThread() - before;
        output.WriteLine($"silent {silent} bytes, active {active} bytes");
        Assert.InRange(silent, 1, 12 * 1024);
        Assert.InRange(active, silent, 40 * 1024);
        GC.KeepAlive(pacer);
    }

    [Fact]
    public void Hostile_feedback_moves_nothing_out_of_its_bounds()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = Seeds.Scaled(60); round > 0; round--)
        {
            var estimator = new BandwidthEstimator();
            estimator.SetDemand(random.NextInt64(-5, 1L << 40));
            Instant now = _start;
            ushort number = (ushort)random.Next(65_536);
            byte[] bytes = new byte[200];
            for (int step = 0; step < 300; step++)
            {
                now += TimeSpan.FromMilliseconds(random.Next(step % 50 == 0 ? 5_000 : 30));
                var sequence = new SequenceNumber(number++);
                estimator.OnPacketSent(sequence, random.Next(-10, 70_000), now, random.Next(4), new Ssrc((uint)random.Next(2)), sequence);
                Attack(estimator, random, bytes, number, now);
                estimator.TryTakeProbe(now, out ProbeCluster probe);
                Assert.InRange(probe.RateBps, 0, _limits.CeilingBps);
                Assert.InRange(estimator.EstimateBps, _limits.FloorBps, _limits.CeilingBps);
                Assert.InRange(estimator.LossFraction, 0, 1);
                Assert.InRange(estimator.RoundTrip ?? TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromSeconds(3));
                Assert.True(estimator.AcknowledgedBps >= 0);
            }
        }
    }

    [Fact]
    public void Feedback_about_what_was_never_sent_is_refused()
    {
        var estimator = new BandwidthEstimator();
        byte[] bytes = new byte[100];
        Feed(estimator, bytes, 5, [1, 2], _start);
        Assert.Equal(1, estimator.State.FeedbackRefused);
        Send(estimator, 0, 5, 1_000);
        Feed(estimator, bytes, 500, [1, 2], At(10));
        Assert.Equal(2, estimator.State.FeedbackRefused);
        Assert.Null(estimator.RoundTrip);
    }

    [Fact]
    public void Feedback_by_stream_makes_round_trip_rate_and_loss()
    {
        var estimator = new BandwidthEstimator();
        ExchangeStreams(estimator, 200, index => index % 10 == 3);
        Assert.InRange(estimator.RoundTrip!.Value.TotalMilliseconds, 35, 65);
        Assert.InRange(estimator.AcknowledgedBps, 650_000, 900_000);
        Assert.InRange(estimator.LossFraction, 0.05, 0.15);
        Assert.Equal(0, estimator.State.FeedbackRefused);
        Assert.Equal(0, estimator.State.FeedbackLost);
    }

    [Fact]
    public void Feedback_by_stream_that_was_lost_is_noticed_and_neither_loss_nor_a_hole()
    {
        var estimator = new BandwidthEstimator();
        ExchangeStreams(estimator, 200, _ => false, round => round != 15);
        Assert.Equal(1, estimator.State.FeedbackLost);
        Assert.Equal(0, estimator.LossFraction);
        Assert.InRange(estimator.AcknowledgedBps, 700_000, 900_000);
    }

    [Fact]
    public void Feedback_by_stream_about_what_was_never_sent_so_is_refused()
    {
        var estimator = new BandwidthEstimator();
        Send(estimator, 0, 5, 1_000);
        FeedStreams(estimator, [new(new Ssrc(10), new SequenceNumber(0), true, 0, 1)], At(10));
        ExchangeStreams(estimator, 20, _ => false);
        FeedStreams(estimator, [new(new Ssrc(12), new SequenceNumber(0), true, 0, 1)], At(300));
        Assert.Equal(2, estimator.State.FeedbackRefused);
    }

    [Fact]
    public void Work_with_feedback_by_stream_allocates_nothing()
    {
        var estimator = new BandwidthEstimator();
        byte[] buffer = new byte[200];
        var reports = new CongestionControlFeedback.Report[10];
        int number = 0;
        Allocations.AssertNone(() =>
        {
            for (int packet = 0; packet < 10; packet++)
            {
                var sequence = new SequenceNumber((ushort)(number + packet));
                estimator.OnPacketSent(sequence, 1_000, At((number + packet) * 10), 0, new Ssrc(10), sequence);
                reports[packet] = new(new Ssrc(10), sequence, true, 0, (9 - packet) * 10);
            }

            var writer = new SpanWriter(buffer);
            CongestionControlFeedback.Write(ref writer, new Ssrc(1), (uint)((number + 9) * 10 * 65_536L / 1_000), reports);
            bool isGood = CongestionControlFeedback.TryParse(Wire.Single(writer.Written), out CongestionControlFeedback feedback);
            Assert.True(isGood);
            estimator.HandleFeedback(feedback, At((number + 9) * 10 + 40));
            number += 10;
        });
    }

    private static void Attack(BandwidthEstimator estimator, Random random, byte[] bytes, ushort number, Instant now)
    {
        switch (random.Next(8))
        {
            case 0:
                estimator.HandleReport(random.Next(3) - 0.5, random.Next(-5, int.MaxValue), TimeSpan.FromSeconds(random.Next(-5, 100_000)), now);
                break;
            case 1:
                estimator.HandleRemb(random.NextInt64(long.MinValue, long.MaxValue), now);
                break;
            case 2:
                estimator.HandleDeadline(now);
                break;
            case 3:
                random.NextBytes(bytes);
                TakeRaw(estimator, bytes, (ushort)(number - random.Next(20)), random, now);
                break;
            case 4 or 5:
                var reports = new CongestionControlFeedback.Report[random.Next(40)];
                for (int index = 0; index < reports.Length; index++)
                {
                    var sequence = new SequenceNumber((ushort)(number - random.Next(60)));
                    reports[index] = new(new Ssrc((uint)random.Next(3)), sequence, random.Next(4) > 0, 0, random.Next(0x2000));
                }

                FeedStreams(estimator, reports, now, (uint)random.NextInt64(1L << 32));
                break;
            default:
                long[] ticks = new long[random.Next(1, 40)];
                long at = random.NextInt64(-(1L << 31), 1L << 31);
                for (int index = 0; index < ticks.Length; index++)
                {
                    at += random.Next(-30_000, 30_000);
                    ticks[index] = random.Next(5) == 0 ? TransportFeedbackWriter.NotReceived : at;
                }

                Feed(estimator, bytes, (ushort)(number - random.Next(60)), ticks, now);
                break;
        }
    }

    private static void TakeRaw(BandwidthEstimator estimator, byte[] bytes, ushort first, Random random, Instant now)
    {
        // A header that is well-formed, over chunks and deltas that are not meant to be.
        Convert.FromHexString("8FCD0031").CopyTo(bytes, 0);
        bytes[12] = (byte)(first >> 8);
        bytes[13] = (byte)first;
        bytes[14] = (byte)random.Next(random.Next(2) == 0 ? 1 : 256);
        if (RtcpReader.TryParse(bytes, out RtcpReader reader)
            && reader.TryRead(out RtcpPacket packet)
            && TransportFeedback.TryParse(packet, out TransportFeedback feedback))
        {
            estimator.HandleFeedback(feedback, now);
        }
    }

    private static void Feed(BandwidthEstimator estimator, byte[] buffer, ushort first, ReadOnlySpan<long> ticks, Instant now)
    {
        var writer = new SpanWriter(buffer);
        if (TransportFeedbackWriter.Write(ref writer, new(new Ssrc(1), new Ssrc(2), new SequenceNumber(first), 0), ticks) > 0)
        {
            Assert.True(TransportFeedback.TryParse(Wire.Single(writer.Written), out TransportFeedback feedback));
            estimator.HandleFeedback(feedback, now);
        }
    }

    private static void FeedStreams(BandwidthEstimator estimator, CongestionControlFeedback.Report[] reports, Instant now, uint? timestamp = null)
    {
        var writer = new SpanWriter(new byte[1_200]);
        Assert.True(CongestionControlFeedback.Write(ref writer, new Ssrc(1), timestamp ?? (uint)((now - _start).TotalSeconds * 65_536), reports));
        Assert.True(CongestionControlFeedback.TryParse(Wire.Single(writer.Written), out CongestionControlFeedback feedback));
        estimator.HandleFeedback(feedback, now);
    }

    // The same as Exchange, in two streams, of which the later one stands first in feedback.
    private static void ExchangeStreams(BandwidthEstimator estimator, int packets, Func<int, bool> isLost, Func<int, bool>? comes = null)
    {
        for (int packet = 0; packet < packets; packet += 10)
        {
            for (int index = packet; index < packet + 10; index++)
            {
                estimator.OnPacketSent(
                    new SequenceNumber((ushort)index), 1_000, At(index * 10), 0, new Ssrc((uint)(10 + index % 2)), new SequenceNumber((ushort)(index / 2)));
            }

            double feedbackMs = (packet + 9) * 10 + 25;
            if (comes?.Invoke(packet / 10) == false)
            {
                continue;
            }

            List<CongestionControlFeedback.Report> reports = [];
            foreach (int stream in (int[])[1, 0])
            {
                for (int index = packet + stream; index < packet + 10; index += 2)
                {
                    int offset = (int)((feedbackMs - (index * 10 + 20)) * 1.024);
                    reports.Add(new(new Ssrc((uint)(10 + stream)), new SequenceNumber((ushort)(index / 2)), !isLost(index), 0, offset));
                }
            }

            // The receiver's clock is that of the feedback's making; it takes 20 ms back.
            var writer = new SpanWriter(new byte[1_200]);
            Assert.True(CongestionControlFeedback.Write(ref writer, new Ssrc(1), (uint)(feedbackMs * 65.536), reports.ToArray()));
            Assert.True(CongestionControlFeedback.TryParse(Wire.Single(writer.Written), out CongestionControlFeedback feedback));
            estimator.HandleFeedback(feedback, At(feedbackMs + 20));
        }
    }

    private static void Send(BandwidthEstimator estimator, double fromMs, int packets, int bytes)
    {
        for (int packet = 0; packet < packets; packet++)
        {
            double ms = fromMs + packet * 1000.0 / packets;
            estimator.OnPacketSent(new SequenceNumber((ushort)(ms / 1000 * packets)), bytes, At(ms), 0);
        }
    }

    // One packet of 1,000 bytes each 10 ms, feedback for ten, 20 ms each way.
    private static void Exchange(BandwidthEstimator estimator, int first, int packets)
    {
        byte[] buffer = new byte[200];
        for (int packet = first; packet < first + packets; packet += 10)
        {
            long[] ticks = new long[10];
            for (int index = 0; index < 10; index++)
            {
                estimator.OnPacketSent(new SequenceNumber((ushort)(packet + index)), 1_000, At((packet + index) * 10), 0);
                ticks[index] = (packet + index) * 40 + 80;
            }

            Feed(estimator, buffer, (ushort)packet, ticks, At((packet + 9) * 10 + 45));
        }
    }
}
