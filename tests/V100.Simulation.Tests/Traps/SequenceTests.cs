using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Numbers of packets: what is dropped leaves no gap, what is lost leaves its gap, and nothing takes a number twice.</summary>
public sealed class SequenceTests(ITestOutputHelper output)
{
    private static readonly LinkConditions _shuffling = new() { Jitter = TimeSpan.FromMilliseconds(40), Duplication = 0.05 };

    [Fact]
    public void Line_06_Gaps_are_asked_for_when_only_retransmissions_come()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);

            // From here no original arrives; the publisher probes with some of its last packets, and what lies between is asked for.
            uint ssrc = alice.Video.Ssrc;
            world.Network.Admits = packet => !(packet.IsRtp && packet.RtpSsrc == ssrc);
            int nacked = alice.Video.NackedPackets;
            for (int probe = 0; probe < 8; probe++)
            {
                world.Run(0.1);
                alice.Video.SendRtxOfLast(1);
            }

            world.Run(0.5);
            Assert.True(alice.Video.NackedPackets - nacked > 20, "only what was asked for by number");
            world.Network.Admits = null;
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void Line_07_Dropped_padding_leaves_no_gap_in_any_order_of_arrival()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.PaddingChance = 0.3);
            world.Network.SetPath(alice.Address, _shuffling, LinkConditions.Good);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(4);
            world.Settle();
            PlaybackChecks.IsInOrder(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            Assert.Equal(0, bob.VideoPlayback.Holes);
            Assert.Equal(0, bob.VideoPlayback.MissingNow);
            Assert.True(alice.Video.PaddingSent > 50);
        }
    }

    [Fact]
    public void Line_07_Lost_packets_keep_their_gap_among_dropped_ones_until_they_are_repaired()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.PaddingChance = 0.3);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(0.5);
            uint ssrc = alice.Video.Ssrc;
            int lostPadding = 0;
            world.Network.Admits = packet =>
            {
                bool isLost = packet.IsRtp && packet.RtpSsrc == ssrc && world.Random.NextDouble() < 0.15;
                lostPadding += isLost && packet.HasPaddingBit ? 1 : 0;
                return !isLost;
            };
            world.Run(3);
            world.Network.Admits = null;
            world.Settle();
            PlaybackChecks.IsInOrder(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            Assert.True(lostPadding > 0);
            Assert.Equal(lostPadding, bob.VideoPlayback.Holes);
        }
    }

    [Fact]
    public void Line_08_Padding_that_comes_late_is_filled_in_and_not_missed()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.PaddingChance = 0.2);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            uint ssrc = alice.Video.Ssrc;
            world.Network.ExtraDelay = packet =>
                packet.IsRtp && packet.RtpSsrc == ssrc && packet.HasPaddingBit ? TimeSpan.FromMilliseconds(world.Random.Next(20, 80)) : TimeSpan.Zero;
            world.Run(3);
            world.Settle();
            PlaybackChecks.IsInOrder(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            Assert.True(bob.VideoPlayback.PaddingPackets > 20, "every slot was closed in time: nothing came late");
            Assert.Equal(0, bob.VideoPlayback.Holes);
            Assert.Equal(0, bob.VideoPlayback.MissingNow);
        }
    }

    [Fact]
    public void Line_17_Padding_before_between_and_behind_the_packets_of_a_keyframe_breaks_nothing()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client =>
            {
                client.Video.PaddingChance = 0.5;
                client.Video.PaddedMediaChance = 0.5;
                client.Video.MaxPacketsPerFrame = 8;
            });
            world.Network.SetPath(alice.Address, _shuffling, LinkConditions.Good);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            for (int round = 0; round < 8; round++)
            {
                world.Run(0.5);
                bob.VideoPlayback.RequestKeyframe();
                alice.Video.SendRtxPadding(world.Random.Next(1, 256));
            }

            SimulatedClient carol = world.Subscribe("carol");
            world.RunUntil(() => carol.IsConnected && carol.VideoPlayback.Packets.Count > 0, 3);
            world.Settle();
            Assert.True(bob.VideoPlayback.Keyframes >= 5, "the keyframes that were asked for");
            foreach (SimulatedClient viewer in new[] { bob, carol })
            {
                PlaybackChecks.IsInOrder(viewer.VideoPlayback);
                PlaybackChecks.StartsAtKeyframe(viewer.VideoPlayback);
                PlaybackChecks.HasAllMedia(viewer.VideoPlayback, alice.Video);
                Assert.Equal(0, viewer.VideoPlayback.Holes);
            }

            Assert.True(world.Server.Count(SfuCounter.DroppedPadding) >= 2 * alice.Video.PaddingSent / 3);
        }
    }
}
