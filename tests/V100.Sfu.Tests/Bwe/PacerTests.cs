using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Tests.Rtp;

namespace V100.Sfu.Tests.Bwe;

public class PacerTests
{
    private static readonly Instant _start = new(1_000_000_000);

    private static Instant At(double ms) => _start + TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void A_burst_of_three_packets_goes_at_once_and_the_next_waits()
    {
        var pacer = new Pacer<int>(1_000_000);
        for (int packet = 0; packet < 3; packet++)
        {
            Assert.True(pacer.TrySendNow(PacketClass.Video, 1_200, _start));
        }

        Assert.False(pacer.TrySendNow(PacketClass.Video, 1_200, _start));
        Assert.True(pacer.TryEnqueue(PacketClass.Video, 7, 1_200));
        Assert.False(pacer.TryDequeue(_start, out _));
        Assert.InRange((pacer.NextDeadline - _start).TotalMilliseconds, 0.5, 8);
        Assert.True(pacer.TryDequeue(At(8), out int item));
        Assert.Equal(7, item);
        Assert.Equal(Instant.Never, pacer.NextDeadline);
    }

    [Fact]
    public void What_waits_leaves_by_class_and_in_order()
    {
        var pacer = new Pacer<int>(1_000_000);
        pacer.TryEnqueue(PacketClass.Video, 30, 1_200);
        pacer.TryEnqueue(PacketClass.Video, 31, 1_200);
        pacer.TryEnqueue(PacketClass.Retransmission, 20, 1_200);
        pacer.TryEnqueue(PacketClass.Audio, 10, 120);
        List<int> left = [];
        for (double ms = 0; ms < 100; ms++)
        {
            while (pacer.TryDequeue(At(ms), out int item))
            {
                left.Add(item);
            }
        }

        Assert.Equal([10, 20, 30, 31], left);
    }

    [Fact]
    public void Audio_goes_though_the_budget_is_used_up_but_not_before_audio_that_waits()
    {
        var pacer = new Pacer<int>(100_000);
        while (pacer.TrySendNow(PacketClass.Video, 1_200, _start))
        {
        }

        Assert.True(pacer.TrySendNow(PacketClass.Audio, 120, _start));
        pacer.TryEnqueue(PacketClass.Video, 1, 1_200);
        Assert.False(pacer.TrySendNow(PacketClass.Video, 1_200, At(1_000)));
        Assert.True(pacer.TrySendNow(PacketClass.Audio, 120, At(1_000)));
        pacer.TryEnqueue(PacketClass.Audio, 2, 120);
        Assert.False(pacer.TrySendNow(PacketClass.Audio, 120, At(1_000)));
    }

    [Fact]
    public void The_rate_is_the_factor_times_the_estimate()
    {
        var pacer = new Pacer<int>(800_000);
        long bytes = 0;
        for (double ms = 0; ms < 10_000; ms++)
        {
            pacer.TryEnqueue(PacketClass.Video, 0, 1_000);
            while (pacer.TryDequeue(At(ms), out _))
            {
                bytes += 1_000;
            }
        }

        Assert.InRange(bytes * 8 / 10.0, 0.97 * Pacer<int>.RateFactor * 800_000, 1.03 * Pacer<int>.RateFactor * 800_000);
    }

    [Fact]
    public void More_video_than_a_quarter_second_is_behind_and_queues_are_bounded()
    {
        var pacer = new Pacer<int>(800_000);
        Assert.False(pacer.IsBehind);
        int taken = 0;
        while (pacer.TryEnqueue(PacketClass.Video, taken, 1_000))
        {
            taken++;
            Assert.Equal(taken * 8_000 / (Pacer<int>.RateFactor * 800_000) > 0.25, pacer.IsBehind);
        }

        Assert.Equal(Pacer<int>.MaxQueueLength, taken);
        Assert.False(pacer.TryEnqueue(PacketClass.Padding, 0, 100));
        Assert.Equal(taken, pacer.CountOf(PacketClass.Video));
        while (pacer.TryRemove(PacketClass.Video, out _))
        {
            taken--;
        }

        Assert.Equal(0, taken);
    }

    [Fact]
    public void A_probe_goes_at_its_rate_with_media_first_and_padding_for_the_rest()
    {
        var pacer = new Pacer<int>(300_000);
        pacer.TryEnqueue(PacketClass.Video, 1, 1_200);
        pacer.StartProbe(new ProbeCluster(9, 2_000_000, 12_500, 5, TimeSpan.FromMilliseconds(50)), _start);
        int media = 0;
        int padding = 0;
        double lastMs = 0;
        for (double ms = 0; ms < 200; ms += 0.5)
        {
            while (pacer.TryDequeue(At(ms), out _))
            {
                Assert.Equal(9, pacer.ActiveProbe);
                media++;
            }

            for (int bytes = pacer.PaddingBytes(At(ms)); bytes > 0; bytes = pacer.PaddingBytes(At(ms)))
            {
                Assert.Equal(9, pacer.ActiveProbe);
                pacer.OnPaddingSent(bytes);
                padding += bytes;
                lastMs = ms;
            }
        }

        Assert.Equal(1, media);
        Assert.InRange(padding, 11_300, 14_000);
        Assert.InRange(lastMs, 35, 60);
        Assert.Equal(0, pacer.ActiveProbe);
        Assert.Equal(Instant.Never, pacer.NextDeadline);
    }

    [Fact]
    public void A_probe_that_nothing_fills_ends()
    {
        var pacer = new Pacer<int>(300_000);
        pacer.StartProbe(new ProbeCluster(1, 900_000, 2_000, 5, TimeSpan.FromMilliseconds(15)), _start);
        Instant now = _start;
        int wakes = 0;
        for (; pacer.NextDeadline != Instant.Never && wakes < 1_000; wakes++)
        {
            now = pacer.NextDeadline > now ? pacer.NextDeadline : now;
            pacer.TryDequeue(now, out _);
            pacer.PaddingBytes(now);
        }

        Assert.InRange(wakes, 1, 150);
        Assert.Equal(0, pacer.ActiveProbe);
    }

    [Fact]
    public void Steady_work_allocates_nothing()
    {
        var pacer = new Pacer<int>(2_200_000);
        double ms = 0;
        Allocations.AssertNone(() =>
        {
            ms += 2;
            for (int packet = 0; packet < 2; packet++)
            {
                if (!pacer.TrySendNow(PacketClass.Video, 400, At(ms)))
                {
                    pacer.TryEnqueue(PacketClass.Video, packet, 400);
                }
            }

            while (pacer.TryDequeue(At(ms), out _))
            {
            }
        });
    }
}
