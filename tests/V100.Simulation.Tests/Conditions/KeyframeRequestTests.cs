using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>What many wishes for a keyframe become on the way to the publisher.</summary>
public sealed class KeyframeRequestTests(ITestOutputHelper output)
{
    [Fact]
    public void A_storm_of_wishes_from_many_subscribers_is_few_requests_to_the_publisher()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient[] viewers = [.. Enumerable.Range(0, 10).Select(index => world.Subscribe($"viewer{index}"))];
            world.RunUntilConnected();
            world.Run(1);
            int before = alice.Video.KeyframeRequests;
            const double Seconds = 5;
            for (int step = 0; step < 500; step++)
            {
                world.Run(Seconds / 500);
                foreach (SimulatedClient viewer in viewers)
                {
                    viewer.VideoPlayback.RequestKeyframe();
                }
            }

            Assert.InRange(alice.Video.KeyframeRequests - before, Seconds, 2 * Seconds + 1);
            world.Settle();
            foreach (SimulatedClient viewer in viewers)
            {
                PlaybackChecks.IsWhole(viewer.VideoPlayback);
                Assert.InRange(viewer.VideoPlayback.Keyframes, Seconds, 2 * Seconds + 3);
            }
        }
    }

    [Fact]
    public void A_flood_of_wishes_in_one_turn_does_not_push_media_out_of_the_rings()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient eve = world.Publish("eve");
            SimulatedClient bob = world.Subscribe();
            SimulatedClient mallory = world.Subscribe("mallory");
            SimulatedClient carol = world.Subscribe("carol", target: "eve");

            // Mallory and eve on one shard, alice and carol on the other: eve's media goes the way of mallory's wishes.
            world.Server.Routing = client => client == alice.Address || client == carol.Address ? 0 : 1;
            world.RunUntilConnected();
            world.Run(1);
            world.Server.MaxMessageDelay = TimeSpan.FromMilliseconds(20);
            for (int wish = 0; wish < 20_000; wish++)
            {
                mallory.VideoPlayback.RequestKeyframe();
            }

            world.Run(1);
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedRingFull));
            world.Settle();
            PlaybackChecks.IsWhole(carol.VideoPlayback);
            PlaybackChecks.HasAllMedia(carol.VideoPlayback, eve.Video);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
        }
    }

    [Fact]
    public void A_request_that_is_lost_is_made_again_until_a_keyframe_comes()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(2);

            // All RTCP to the publisher is lost for two seconds.
            world.Network.Admits = packet => !(packet.IsRtcp && packet.To == alice.Address);
            bob.VideoPlayback.RequestKeyframe();
            int before = bob.VideoPlayback.Keyframes;
            world.Run(2);
            Assert.Equal(before, bob.VideoPlayback.Keyframes);
            world.Network.Admits = null;
            world.RunUntil(() => bob.VideoPlayback.Keyframes > before, 1);
            int requests = alice.Video.KeyframeRequests;
            world.Run(2);
            Assert.InRange(alice.Video.KeyframeRequests, 1, requests + 1);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
        }
    }

    [Fact]
    public void A_publisher_that_makes_no_keyframes_is_not_asked_for_ever()
    {
        foreach (int seed in Seed.Each(output, count: 3))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client =>
            {
                client.Video.ObeysKeyframeRequests = false;
                client.Video.SwitchSource(startsWithKeyframe: false);
            });
            world.RunUntilConnected();
            world.Run(1);
            SimulatedClient bob = world.Subscribe();
            world.Run(30);
            Assert.Empty(bob.VideoPlayback.Packets);
            Assert.True(bob.AudioPlayback.Packets.Count > 1000);
            Assert.InRange(alice.Video.KeyframeRequests, 20, 2 * 30 + 1);
        }
    }

    /// <summary>What had to wait for it was counted when it came, and is not counted as forwarded besides.</summary>
    [Fact]
    public void A_keyframe_whose_first_packet_is_late_is_forwarded_whole_and_each_packet_counted_once()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            SimulatedClient alice = world.Publish();
            int seen = alice.Video.KeyframesSent;
            world.Network.ExtraDelay = packet =>
            {
                bool isFirst = packet.IsOf(alice.Video.Ssrc) && packet.IsRtp && alice.Video.KeyframesSent > seen;
                seen = isFirst ? alice.Video.KeyframesSent : seen;
                return TimeSpan.FromMilliseconds(isFirst ? 5 : 0);
            };
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 50, 5);
            world.Settle();
            PlaybackChecks.StartsAtKeyframe(bob.VideoPlayback);
            PlaybackChecks.IsWhole(bob.VideoPlayback);

            long late = world.Server.Count(SfuCounter.RtpForwardedLate);
            Assert.InRange(late, 1, world.Server.Count(SfuCounter.DroppedAwaitingKeyframe));
            Assert.Equal(bob.VideoPlayback.Packets.Count + bob.AudioPlayback.Packets.Count, world.Server.Count(SfuCounter.RtpForwarded) + late);
            SfuCounter[] drops = [.. Enum.GetValues<SfuCounter>().Where(counter => counter.ToString().StartsWith("Dropped", StringComparison.Ordinal))];
            Assert.Equal(world.Server.Count(SfuCounter.RtpReceived), world.Server.Count(SfuCounter.RtpForwarded) + drops.Sum(world.Server.Count));
        }
    }
}
