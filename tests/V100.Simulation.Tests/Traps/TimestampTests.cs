using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Timestamps of a stream that goes from encoding to encoding, each of which has an origin of its own and comes by its own delay.</summary>
public sealed class TimestampTests(ITestOutputHelper output)
{
    private const int TicksPerMs = 90;

    /// <summary>Of each encoding besides the path's own delay: an encoder's time, a larger picture's pacing.</summary>
    private static readonly (string Rid, int DelayMs)[] _delays = [("h", 60), ("m", 30), ("l", 0)];

    /// <summary>What an output may be ahead of the time that passed: 75 ms, what two encodings' delays differ by, and a frame.</summary>
    private const int MaxAheadMs = 75 + 60 + 34;

    [Fact]
    public void Line_09_Encodings_lie_where_their_reports_put_them_and_the_time_goes_forward()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world);
            Array.ForEach(_delays, delay => alice.Encoding(delay.Rid).WrapTimestampsAt(world.Now + TimeSpan.FromSeconds(6 + 12 * world.Random.NextDouble())));
            List<PlayedFrame> frames = Switch(world, alice, out SimulatedClient bob);
            AreReportsOnOneLine(bob.VideoPlayback);
            AreInStep(frames, bob, frame => true);
        }
    }

    [Fact]
    public void Line_09_An_encoding_without_reports_follows_the_time_of_arrival_and_leaves_the_others_in_their_places()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world);
            alice.Encoding("m").SendsReports = false;
            List<PlayedFrame> frames = Switch(world, alice, out SimulatedClient bob);
            uint silent = alice.Encoding("m").SourceId;
            Assert.Contains(frames, frame => frame.Mark.Source == silent);
            AreReportsOnOneLine(bob.VideoPlayback);
            AreInStep(frames, bob, frame => frame.Mark.Source != silent);
        }
    }

    [Fact]
    public void Line_09_Reports_that_contradict_each_other_move_the_time_by_a_bounded_step()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world);
            alice.Encoding("m").ClockAhead = TimeSpan.FromSeconds(10 * world.Random.NextDouble());
            alice.Encoding("h").ClockAhead = TimeSpan.FromSeconds(-4 * world.Random.NextDouble());
            Switch(world, alice, out _);
        }
    }

    private static SimulatedClient Publish(SimulatedWorld world)
    {
        SimulatedClient alice = LayeredCall.PublishSimulcast(world);
        Dictionary<uint, TimeSpan> delays = _delays.ToDictionary(delay => alice.Encoding(delay.Rid).Ssrc, delay => TimeSpan.FromMilliseconds(delay.DelayMs));
        world.Network.ExtraDelay = packet => packet.IsRtp && delays.TryGetValue(packet.RtpSsrc, out TimeSpan delay) ? delay : TimeSpan.Zero;
        return alice;
    }

    /// <summary>Half a minute of switches; the time goes forward, and no faster than it may.</summary>
    private static List<PlayedFrame> Switch(SimulatedWorld world, SimulatedClient alice, out SimulatedClient bob)
    {
        world.RunUntil(() => alice.IsConnected, 5);
        world.Run(2.5);
        bob = world.Subscribe();
        world.RunUntilConnected();
        world.Run(2.5);
        int place = 0;
        for (int turn = 0; turn < 12; turn++)
        {
            // To each of the others once, then to any other.
            place = (place + (turn < 3 ? 1 : world.Random.Next(1, 3))) % 3;
            world.Limit(bob, new LayerConstraints { MaxPlace = place });
            world.Run(1.5 + world.Random.NextDouble());
        }

        Assert.InRange(world.Server.Count(SfuCounter.EncodingSwitches), 6, 20);
        List<PlayedFrame> frames = DecoderChecks.FramesOf(bob.VideoPlayback, alice);
        DecoderChecks.AreTimesInOrder(frames);
        foreach ((PlayedFrame former, PlayedFrame next) in frames.Zip(frames.Skip(1)))
        {
            double steppedMs = (int)(next.Timestamp - former.Timestamp) / (double)TicksPerMs;
            double passedMs = (next.Packets[0].At - former.Packets[0].At).TotalMilliseconds;
            Assert.True(steppedMs <= passedMs + MaxAheadMs, $"{steppedMs:0} ms in {passedMs:0} ms: {next.Mark} behind {former.Mark}");
        }

        return frames;
    }

    /// <summary>Whatever encoding a report was made of, it tells of the same stream: one instant has one timestamp.</summary>
    private static void AreReportsOnOneLine(Playback playback)
    {
        PlayedReport last = playback.Reports[^1];
        Assert.InRange(playback.Reports.Count, 3, 60);
        Assert.All(playback.Reports, report => Assert.InRange((int)(report.Timestamp - Expected(last, report.NtpTime)), -3, 3));
    }

    /// <summary>A frame has the timestamp that its capture has by the reports, but for what a switch may not take back at once.</summary>
    private static void AreInStep(List<PlayedFrame> frames, SimulatedClient viewer, Func<PlayedFrame, bool> isTold)
    {
        PlayedReport report = viewer.VideoPlayback.Reports[^1];
        Instant begun = default;
        foreach (PlayedFrame frame in frames)
        {
            begun = frame.Begins ? frame.Packets[0].At : begun;
            TimeSpan since = frame.Packets[0].At - begun;
            int aheadMs = (int)(frame.Timestamp - Expected(report, Publication.NtpOf(frame.Mark.CapturedAt))) / TicksPerMs;

            // The frames of the past that it begins with are shown all at once.
            if (isTold(frame) && frame.Mark.CapturedAt > viewer.ConnectedAt)
            {
                Assert.True(Math.Abs(aheadMs) <= (since > TimeSpan.FromSeconds(1) ? 1 : MaxAheadMs), $"{frame.Mark} is {aheadMs} ms ahead {since.TotalMilliseconds:0} ms after the switch");
            }
        }
    }

    private static uint Expected(PlayedReport report, ulong ntp) => report.Timestamp + (uint)(long)((Int128)(long)(ntp - report.NtpTime) * 90_000 >> 32);
}
