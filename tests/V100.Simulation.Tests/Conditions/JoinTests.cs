using V100.Net;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>Who joins a running room sees something at once, and the publishers hardly notice.</summary>
public sealed class JoinTests(ITestOutputHelper output)
{
    [Fact]
    public void Two_hundred_joins_in_a_second_ask_each_source_for_at_most_one_keyframe_a_second()
    {
        foreach (int seed in Seed.Each(output, count: 2))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            world.RunUntilConnected();
            world.Run(3 * world.Random.NextDouble());
            int before = alice.Video.KeyframeRequests;
            Instant started = world.Now;
            var viewers = new List<SimulatedClient>();
            for (int joiner = 0; joiner < 200; joiner++)
            {
                viewers.Add(world.Subscribe($"viewer{joiner}", offer: ClientOffer.AdaptiveSubscriber()));
                world.Run(1.0 / 200);
            }

            world.RunUntil(() => viewers.TrueForAll(viewer => FirstWholeKeyframe(viewer) != Instant.Never), 10);
            double seconds = (world.Now - started).TotalSeconds;
            double[] waits = [.. viewers.Select(viewer => (FirstWholeKeyframe(viewer) - viewer.ConnectedAt).TotalMilliseconds).Order()];
            output.WriteLine($"figure: {alice.Video.KeyframeRequests - before} requests in {seconds:0.0} s; connected to first whole keyframe: median {waits[100]:0} ms, 99 of 100 {waits[197]:0} ms");
            Assert.InRange(alice.Video.KeyframeRequests - before, 0, Math.Ceiling(seconds));

            // One way of the path is 10 ms, so that a round trip is 20.
            Assert.InRange(waits[100], 0, 150 + 20);
            foreach (SimulatedClient viewer in viewers)
            {
                PlaybackChecks.StartsAtKeyframe(viewer.VideoPlayback);
            }
        }
    }

    /// <summary>The cache is replayed for each of them, and none gets what it has once more: its pacer would be full of it.</summary>
    [Fact]
    public void Who_joins_with_a_crowd_is_live_as_soon_as_who_joins_alone()
    {
        // A single call is live a third of a second sooner or later by chance.
        List<double> alone = [];
        List<double> crowded = [];
        foreach (int seed in Seed.Each(output, count: 4))
        {
            alone.Add(SecondsUntilLive(seed, joiners: 1));
            crowded.Add(SecondsUntilLive(seed, joiners: 50));
        }

        output.WriteLine($"figure: live after {alone.Average():0.00} s alone, {crowded.Average():0.00} s as the last of 50");
        Assert.InRange(crowded.Average(), 0, 1.1 * alone.Average() + 0.1);
    }

    private static double SecondsUntilLive(int seed, int joiners)
    {
        using var world = new SimulatedWorld(seed);
        SimulatedClient alice = world.Publish();
        world.RunUntilConnected();
        world.Run(1.5);
        SimulatedClient[] viewers = [.. Enumerable.Range(0, joiners).Select(index => world.Subscribe($"viewer{index}", offer: ClientOffer.AdaptiveSubscriber()))];
        world.RunUntilConnected();
        Instant connected = world.Now;
        world.RunUntil(() => Array.TrueForAll(viewers, IsLive), 30);
        return (world.Now - connected).TotalSeconds;

        // Ten packets are an eighth of a second.
        bool IsLive(SimulatedClient viewer) => viewer.VideoPlayback.Packets is { Count: > 0 } packets && packets.Values.Last().Mark.Number + 10 >= alice.Video.Number;
    }

    [Fact]
    public void Who_joins_while_the_keyframe_is_recent_asks_for_none()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(0.3 + 1.5 * world.Random.NextDouble());
            int before = alice.Video.KeyframeRequests;
            SimulatedClient carol = world.Subscribe("carol", offer: ClientOffer.AdaptiveSubscriber());
            world.RunUntil(() => carol.IsConnected, 5);
            world.RunUntil(() => carol.VideoPlayback.Packets.Count > 10, 1);
            Assert.True(FirstWholeKeyframe(carol) - carol.ConnectedAt < TimeSpan.FromMilliseconds(150 + 20));
            world.Settle();
            Assert.Equal(before, alice.Video.KeyframeRequests);
            PlaybackChecks.StartsAtKeyframe(carol.VideoPlayback);
            PlaybackChecks.IsWhole(carol.VideoPlayback);
            PlaybackChecks.HasAllMedia(carol.VideoPlayback, alice.Video);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
        }
    }

    /// <summary>The packets that it begins with are older than those that others may still ask for.</summary>
    [Fact]
    public void Who_joins_over_a_lossy_path_gets_what_is_lost_of_the_past_too()
    {
        var path = new LinkConditions { Loss = 0.08, Jitter = TimeSpan.FromMilliseconds(5) };
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            world.Subscribe();
            world.RunUntilConnected();
            world.Run(2.4 + 0.4 * world.Random.NextDouble());
            SimulatedClient carol = world.Subscribe("carol");
            world.Network.SetPath(carol.Address, LinkConditions.Good, path);
            world.RunUntil(() => carol.IsConnected, 5);
            world.Run(2);
            world.Settle();
            Assert.True(carol.VideoPlayback.Retransmissions > 0);
            PlaybackChecks.IsWhole(carol.VideoPlayback);
        }
    }

    /// <summary>Long after the last keyframe there is a picture at once, if an old one, and a fresh one soon.</summary>
    [Fact]
    public void Who_joins_long_after_the_last_keyframe_sees_a_still_picture_until_a_fresh_one_comes()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(8);
            uint now = alice.Video.Number;
            int before = alice.Video.KeyframeRequests;
            SimulatedClient carol = world.Subscribe("carol", offer: ClientOffer.AdaptiveSubscriber());
            world.RunUntil(() => carol.IsConnected, 5);
            world.RunUntil(() => carol.VideoPlayback.Keyframes == 2, 1);
            PlayedPacket[] played = [.. carol.VideoPlayback.Packets.Values];
            Assert.Equal(0u, played[0].Mark.Frame);
            Assert.True(played[^1].Mark.Number > now);
            Assert.True(played[0].At - carol.ConnectedAt < TimeSpan.FromMilliseconds(150));
            Assert.Equal(before + 1, alice.Video.KeyframeRequests);
            world.Settle();
            PlaybackChecks.IsInOrderOfTurns(carol.VideoPlayback);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
        }
    }

    private static Instant FirstWholeKeyframe(SimulatedClient viewer)
    {
        var seen = new Dictionary<(uint Source, uint Frame), int>();
        foreach (PlayedPacket packet in viewer.VideoPlayback.Packets.Values.Where(packet => packet.Mark.IsKeyframe).OrderBy(packet => packet.At))
        {
            int count = seen[(packet.Mark.Source, packet.Mark.Frame)] = seen.GetValueOrDefault((packet.Mark.Source, packet.Mark.Frame)) + 1;
            if (count == packet.Mark.Count)
            {
                return packet.At;
            }
        }

        return Instant.Never;
    }
}
