using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class ProbeBitrateEstimatorTests
{
    private const int Bytes = 1_000;
    private const int Packets = 10;

    private static readonly Instant _start = new(1_000_000_000);
    private static readonly ProbeCluster _cluster = new(7, 1_000_000, Bytes * Packets, 5, TimeSpan.FromMilliseconds(80));

    private readonly ProbeBitrateEstimator _estimator = new();

    [Theory]
    [InlineData(8_000, 1_000_000)] // as fast as sent
    [InlineData(8_400, 952_380)] // nearly: the lesser of both
    [InlineData(16_000, 475_000)] // half as fast: the path was full, 0.95 of what came
    public void The_result_is_the_lesser_of_what_was_sent_and_what_came(int arrivalUs, long expectedBps)
    {
        Assert.InRange(Send(arrivalUs)!.Value, expectedBps * 0.999, expectedBps * 1.001);
    }

    [Fact]
    public void Packets_that_were_held_back_and_came_at_once_measure_nothing() => Assert.Null(Send(2_000));

    [Fact]
    public void Jitter_is_added_to_how_long_arrivals_took()
    {
        // Eight packets tell: 7,000 bytes in 56 ms and 28 ms of jitter, taken as a full path.
        Assert.Equal(0.95 * 56_000_000 / 84, Send(8_000, jitterMs: 28)!.Value, 1.0);
    }

    [Fact]
    public void Four_fifths_of_it_must_come()
    {
        Assert.Null(Send(8_000, count: 7));
        Assert.NotNull(Send(8_000, count: 8));
    }

    [Fact]
    public void There_is_one_result_of_the_cluster_that_is_open_alone()
    {
        Assert.NotNull(Send(8_000));
        Assert.False(_estimator.OnPacket(7, _start, 0, Bytes, out _));
        _estimator.Begin(_cluster, TimeSpan.Zero);
        for (int packet = 0; packet < Packets; packet++)
        {
            Assert.False(_estimator.OnPacket(6, _start + TimeSpan.FromMilliseconds(8 * packet), 8_000 * packet, Bytes, out _));
        }

        _estimator.Reset();
        Assert.False(_estimator.OnPacket(7, _start, 0, 100 * Bytes, out _));
    }

    [Fact]
    public void Packets_that_were_all_sent_at_once_or_over_seconds_measure_nothing()
    {
        Assert.Null(Send(8_000, sendMs: 0));
        Assert.Null(Send(8_000, sendMs: 200));
    }

    /// <summary>A bucket lets 30 packets pass as fast as they come; what comes later and later behind them tells of the path.</summary>
    [Fact]
    public void Of_a_full_path_the_rate_is_what_came_while_its_queue_grew()
    {
        _estimator.Begin(_cluster with { Bytes = 100 * Bytes }, TimeSpan.Zero);
        long arrivalUs = 0;
        for (int packet = 0; packet < 100; packet++)
        {
            arrivalUs += packet < 30 ? 8_000 : 10_000;
            if (_estimator.OnPacket(7, _start + TimeSpan.FromMilliseconds(8 * packet), arrivalUs, Bytes, out long resultBps))
            {
                Assert.True(_estimator.FoundFull);
                Assert.InRange(packet, 38, 40);
                Assert.Equal(0.95 * 800_000, resultBps, 1.0);
                return;
            }
        }

        Assert.Fail("the queue went unnoticed");
    }

    [Fact]
    public void Packets_that_a_pause_held_back_are_not_taken_for_a_full_path()
    {
        _estimator.Begin(_cluster with { Bytes = 100 * Bytes }, TimeSpan.Zero);
        long resultBps = 0;
        for (int packet = 0; packet < 100; packet++)
        {
            // What is sent from 80 to 120 ms comes at 120 ms.
            long arrivalUs = packet is >= 10 and < 15 ? 120_000 + packet : 8_000 * packet;
            if (_estimator.OnPacket(7, _start + TimeSpan.FromMilliseconds(8 * packet), arrivalUs, Bytes, out resultBps))
            {
                break;
            }
        }

        Assert.False(_estimator.FoundFull);
        Assert.InRange(resultBps, 990_000, 1_000_000);
    }

    private long? Send(int arrivalUs, double jitterMs = 0, int count = Packets, double sendMs = 8)
    {
        _estimator.Begin(_cluster, TimeSpan.FromMilliseconds(jitterMs));
        for (int packet = 0; packet < count; packet++)
        {
            if (_estimator.OnPacket(7, _start + TimeSpan.FromMilliseconds(sendMs * packet), (long)arrivalUs * packet, Bytes, out long resultBps))
            {
                return resultBps;
            }
        }

        return null;
    }
}
