using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>A publisher with three encodings, and subscribers whose paths carry different ones.</summary>
public sealed class SimulcastTests(ITestOutputHelper output)
{
    private static readonly TimeSpan _delay = TimeSpan.FromMilliseconds(20);

    /// <summary>About 900, 300 and 90 kbit/s, headers included.</summary>
    private static SimulatedClient PublishThree(SimulatedWorld world) => world.Publish(
        configure: client =>
        {
            (client.Encoding("h").MaxPacketsPerFrame, client.Encoding("h").MaxFillerLength) = (6, 1100);
            (client.Encoding("m").MaxPacketsPerFrame, client.Encoding("m").MaxFillerLength) = (2, 900);
            (client.Encoding("l").MaxPacketsPerFrame, client.Encoding("l").MaxFillerLength) = (1, 350);
        },
        offer: ClientOffer.SimulcastPublisher(world.Random));

    private static SimulatedClient SubscribeOver(SimulatedWorld world, long rateBps, string identity = "bob")
    {
        SimulatedClient client = world.Subscribe(identity, offer: ClientOffer.AdaptiveSubscriber());
        Limit(world, client, rateBps);
        return client;
    }

    private static void Limit(SimulatedWorld world, SimulatedClient client, long rateBps) => world.Network.SetPath(
        client.Address,
        new LinkConditions { Delay = _delay },
        new LinkConditions { Delay = _delay, RateBps = rateBps, QueueBytes = (int)Math.Max(20_000, rateBps / 8 * 3 / 10) });

    /// <summary>Lets time pass, and tells each second what the server thinks of the subscriber's path.</summary>
    private void Run(SimulatedWorld world, SimulatedClient viewer, int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            world.Run(1);
            Peer peer = world.SessionOf(viewer).Peer.Peer!;
            BandwidthEstimator estimator = peer.Estimator!;
            LayerDemand demand = peer.Videos[0].Demand;
            output.WriteLine(
                $"{world.Now}: estimate {estimator.EstimateBps / 1000} kbit/s by {estimator.State.Bound}, acknowledged {estimator.AcknowledgedBps / 1000}, "
                + $"demand {estimator.State.DemandBps / 1000}, queue {estimator.State.QueueMs:0} ms; wants {demand.Choice} of {demand.BitrateBps / 1000} kbit/s ({demand.Reason}), has {peer.Videos[0].Current}");
        }
    }

    /// <summary>Which encoding most frames of the time were of.</summary>
    private static string MostSeen(SimulatedClient publisher, SimulatedClient viewer, Instant since) => viewer.VideoPlayback.Packets.Values
        .Where(packet => packet.At >= since)
        .GroupBy(packet => packet.Mark.Source)
        .OrderByDescending(source => source.Select(packet => packet.Mark.Frame).Distinct().Count())
        .Select(source => publisher.Publications.Find(publication => publication.SourceId == source.Key)!.Rid!)
        .First();

    private static TimeSpan LongestGap(SimulatedClient viewer, Instant since)
    {
        Instant[] arrivals = [.. viewer.VideoPlayback.Packets.Values.Where(packet => packet.At >= since).Select(packet => packet.At).Order()];
        return arrivals.Zip(arrivals.Skip(1), (left, right) => right - left).Max();
    }

    [Fact]
    public void Each_subscriber_gets_the_best_encoding_that_its_path_carries()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = PublishThree(world);
            SimulatedClient rich = SubscribeOver(world, 5_000_000, "rich");
            SimulatedClient middling = SubscribeOver(world, 600_000, "middling");
            SimulatedClient poor = SubscribeOver(world, 200_000, "poor");
            world.RunUntilConnected();
            world.Run(15);
            Instant settled = world.Now;
            world.Run(20);
            Assert.Equal("h", MostSeen(alice, rich, settled));
            Assert.Equal("m", MostSeen(alice, middling, settled));
            Assert.Equal("l", MostSeen(alice, poor, settled));
            foreach (SimulatedClient viewer in new[] { rich, middling, poor })
            {
                output.WriteLine($"longest gap of {MostSeen(alice, viewer, settled)}: {LongestGap(viewer, settled).TotalMilliseconds:0} ms");
                Assert.True(LongestGap(viewer, settled) < TimeSpan.FromMilliseconds(500));
                PlaybackChecks.IsOneStreamOfEncodings(viewer.VideoPlayback);
            }
        }
    }

    [Fact]
    public void A_path_that_gets_narrow_is_followed_down_and_up_again()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = PublishThree(world);
            SimulatedClient bob = SubscribeOver(world, 3_000_000);
            world.RunUntilConnected();
            Run(world, bob, 10);
            Instant high = world.Now;
            Run(world, bob, 3);
            Assert.Equal("h", MostSeen(alice, bob, high));

            Limit(world, bob, 250_000);
            Instant narrow = world.Now;
            Run(world, bob, 3);
            Instant low = world.Now;
            Run(world, bob, 5);
            Assert.Equal("l", MostSeen(alice, bob, low));
            output.WriteLine($"longest gap on the way down: {LongestGap(bob, narrow).TotalMilliseconds:0} ms");
            Assert.True(LongestGap(bob, low) < TimeSpan.FromMilliseconds(500));

            Limit(world, bob, 3_000_000);
            Run(world, bob, 20);
            Instant wide = world.Now;
            Run(world, bob, 3);
            Assert.Equal("h", MostSeen(alice, bob, wide));
            PlaybackChecks.IsOneStreamOfEncodings(bob.VideoPlayback);
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedPacerFull));
        }
    }

    [Fact]
    public void Line_10_An_encoding_that_vanishes_is_left_for_one_that_is_there()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = PublishThree(world);
            SimulatedClient bob = SubscribeOver(world, 5_000_000);
            world.RunUntilConnected();
            world.Run(10);
            alice.Encoding("h").EndAt(world.Now);

            // The smallest may come first, where the other had to be asked back.
            world.Run(5);
            Instant gone = world.Now;
            world.Run(2);
            Assert.Equal("m", MostSeen(alice, bob, gone));
            Assert.True(LongestGap(bob, gone) < TimeSpan.FromMilliseconds(200));
            PlaybackChecks.IsOneStreamOfEncodings(bob.VideoPlayback);
        }
    }
}
