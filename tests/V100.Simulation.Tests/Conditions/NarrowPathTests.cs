using V100.Net;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>A subscriber behind 600 kbit/s, of which the next encoding up would take all: what is tried for it must not be heard.</summary>
public sealed class NarrowPathTests(ITestOutputHelper output)
{
    private const long LinkBps = 600_000;
    private const double MaxSoundDelayMs = 100;

    /// <summary>
    /// Of the calls in which no packet of sound is later than that in a minute. In about one of a hundred an encoding is taken that the path
    /// does not carry, and the path's queue of 300 ms fills before that is noticed.
    /// </summary>
    private const double Share = 0.95;
    private static readonly TimeSpan _delay = TimeSpan.FromMilliseconds(10);

    /// <summary>About 600, 290 and 60 kbit/s at 20 frames a second, as a browser makes them of 960 × 540.</summary>
    private static SimulatedClient PublishThree(SimulatedWorld world) => world.Publish(
        configure: client =>
        {
            Shape(client.Encoding("h"), packets: 7, filler: 1150, keyframe: 24);
            Shape(client.Encoding("m"), packets: 3, filler: 1050, keyframe: 12);
            Shape(client.Encoding("l"), packets: 1, filler: 350, keyframe: 5);
        },
        offer: ClientOffer.SimulcastPublisher(world.Random));

    private static void Shape(Publication encoding, int packets, int filler, int keyframe)
    {
        encoding.FrameInterval = TimeSpan.FromMilliseconds(50);
        encoding.MaxPacketsPerFrame = packets;
        encoding.MaxFillerLength = filler;
        encoding.PacketsPerKeyframe = keyframe;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    public void Sound_waits_little_for_what_is_tried(int bucketBytes)
    {
        List<double> worst = [];
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = PublishThree(world);
            SimulatedClient bob = world.Subscribe("bob", offer: ClientOffer.AdaptiveSubscriber());
            world.Network.SetPath(
                bob.Address,
                new LinkConditions { Delay = _delay },
                new LinkConditions { Delay = _delay, RateBps = LinkBps, QueueBytes = (int)(LinkBps / 8 * 0.3), BurstBytes = bucketBytes });
            world.RunUntilConnected();
            world.Run(10);
            Instant settled = world.Now;
            world.Run(60);
            worst.Add(LatestSoundMs(bob, settled));
            int frames = bob.VideoPlayback.Packets.Values
                .Where(packet => packet.At >= settled && packet.Mark.Source != alice.Encoding("l").SourceId)
                .Select(packet => (packet.Mark.Source, packet.Mark.Frame)).Distinct().Count();
            output.WriteLine(FormattableString.Invariant($"bucket of {bucketBytes} bytes: sound late by {worst[^1]:0} ms at most, {frames / 60.0:0.0} frames/s of the middle encoding or above"));
            Assert.InRange(frames / 60.0, 18, 20.5);
            PlaybackChecks.IsOneStreamOfEncodings(bob.VideoPlayback);
        }

        worst.Sort();
        Assert.InRange(worst[(int)(Share * (worst.Count - 1))], 0, MaxSoundDelayMs);
    }

    /// <summary>By how much the latest packet of sound came later than the soonest.</summary>
    private static double LatestSoundMs(SimulatedClient viewer, Instant since)
    {
        double[] delays = [.. viewer.AudioPlayback.Packets.Values.Where(packet => packet.At >= since).Select(packet => (packet.At - packet.Mark.CapturedAt).TotalMilliseconds)];
        return delays.Max() - delays.Min();
    }
}
