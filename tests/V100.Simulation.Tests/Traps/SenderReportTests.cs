using V100.Net;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>What subscribers learn of the publisher's clocks, by which they play sound and picture together.</summary>
public sealed class SenderReportTests(ITestOutputHelper output)
{
    /// <summary>Rounding to a unit of the timestamps, on each of two roads.</summary>
    private const double ToleranceSeconds = 0.000_1;

    [Fact]
    public void Line_11_Reports_are_the_publishers_clocks_however_late_its_video_comes()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            uint video = alice.Video.Ssrc;
            var delay = TimeSpan.FromMilliseconds(300);
            world.Network.ExtraDelay = packet => packet.IsOf(video) ? delay : TimeSpan.Zero;
            world.RunUntilConnected();
            world.Run(3);

            // The path gets worse in mid-call, and shakes.
            delay = TimeSpan.FromMilliseconds(500);
            world.Network.Default = new LinkConditions { Loss = 0.02, Jitter = TimeSpan.FromMilliseconds(30) };
            world.Run(4);
            AssertTrueClocks(bob.AudioPlayback);
            AssertTrueClocks(bob.VideoPlayback);
        }
    }

    [Fact]
    public void Line_11_A_new_source_brings_its_own_clock()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(2.5);
            alice.Video.SwitchSource();
            alice.Audio.SwitchSource();
            Instant switched = world.Now;
            world.Run(3);
            Assert.Contains(bob.VideoPlayback.Reports, report => report.At > switched + TimeSpan.FromSeconds(1));
            AssertTrueClocks(bob.AudioPlayback, since: switched + TimeSpan.FromMilliseconds(50));
            AssertTrueClocks(bob.VideoPlayback, since: switched + TimeSpan.FromMilliseconds(50));
        }
    }

    [Fact]
    public void Line_11_The_clocks_stay_true_over_the_wrap_of_the_timestamps()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client =>
            {
                client.Video.WrapTimestampsAt(world.Now + TimeSpan.FromSeconds(2 + world.Random.NextDouble()));
                client.Audio.WrapTimestampsAt(world.Now + TimeSpan.FromSeconds(2 + world.Random.NextDouble()));
            });
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(5);
            world.Settle();
            Assert.InRange(bob.VideoPlayback.Packets.Values.Last().Mark.Timestamp, 1u, uint.MaxValue / 2);
            Assert.InRange(bob.VideoPlayback.Packets.Values.First().Mark.Timestamp, uint.MaxValue / 2, uint.MaxValue);
            AssertTrueClocks(bob.AudioPlayback);
            AssertTrueClocks(bob.VideoPlayback);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void Line_11_Without_the_publishers_report_there_is_none()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            world.Publish(configure: client => client.Video.SendsReports = false);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(4);
            Assert.Empty(bob.VideoPlayback.Reports);
            Assert.True(bob.AudioPlayback.Reports.Count >= 2);
        }
    }

    /// <summary>By every report, every packet of its time stands for the instant at which the publisher captured it.</summary>
    private static void AssertTrueClocks(Playback playback, Instant since = default)
    {
        PlayedReport[] reports = [.. playback.Reports.Where(report => report.At >= since)];
        Assert.True(reports.Length >= (since == default ? 2 : 1), $"{reports.Length} reports");

        // A subscription may begin with frames of the past, which are shown all at once.
        Instant first = playback.Packets.Values.First().At + TimeSpan.FromMilliseconds(50);
        since = first > since ? first : since;
        foreach (PlayedReport report in reports)
        {
            foreach (PlayedPacket packet in playback.Packets.Values)
            {
                if (packet.At < since)
                {
                    continue;
                }

                double byReport = Seconds((long)(report.NtpTime - Publication.NtpOf(packet.Mark.CapturedAt)))
                    + (double)(int)(packet.Timestamp - report.Timestamp) / playback.Section.Formats[0].ClockRateHz;
                Assert.InRange(byReport, -ToleranceSeconds, ToleranceSeconds);
            }
        }
    }

    private static double Seconds(long ntp) => ntp / (double)(1UL << 32);
}
