using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Packets that come twice on purpose, and packets that nobody with keys has made.</summary>
public sealed class AttackTests(ITestOutputHelper output)
{
    [Fact]
    public void Line_13_Whatever_is_recorded_and_sent_again_reaches_nobody()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            var mallory = new Attacker(world, alice);
            world.RunUntilConnected();
            world.Run(1);
            byte[][] recorded = [.. mallory.Recorded];
            long received = world.Server.Count(SfuCounter.RtpReceived);
            int sent = bob.VideoPlayback.Retransmissions;
            foreach (byte[] packet in recorded)
            {
                mallory.Send(packet);
                mallory.Send(packet, fromOwnAddress: world.Random.Next(2) == 0);
            }

            world.Run(1);
            Assert.True(world.Server.Count(SfuCounter.DroppedReplay) >= recorded.Length / 2);
            Assert.True(world.Server.Count(SfuCounter.RtpReceived) - received <= alice.Video.PacketsSent + alice.Audio.PacketsSent);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
            Assert.Equal(0, bob.VideoPlayback.Duplicates + bob.AudioPlayback.Duplicates);
            Assert.Equal(sent, bob.VideoPlayback.Retransmissions);
            Assert.True(alice.IsConnected);
        }
    }

    [Fact]
    public void Line_13_Probes_with_packets_of_the_past_are_counted_and_not_forwarded()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            for (int probe = 0; probe < 20; probe++)
            {
                world.Run(0.1);
                alice.Video.SendRtxOfLast(world.Random.Next(1, 40));
            }

            world.Settle();
            Assert.True(world.Server.Count(SfuCounter.DroppedDuplicate) > 100);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            Assert.Equal(0, bob.VideoPlayback.Duplicates);
        }
    }

    [Fact]
    public void Line_14_A_flood_of_forged_sources_takes_no_place_from_real_ones()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            var mallory = new Attacker(world, alice);
            world.RunUntilConnected();
            world.Run(0.5);
            byte[][] recorded = [.. mallory.RecordedRtp];
            const int Forged = 500;
            for (int index = 0; index < Forged; index++)
            {
                mallory.Send(mallory.Forge(recorded[index % recorded.Length]));
            }

            world.Run(0.5);
            Assert.Equal(Forged, world.Server.Count(SfuCounter.DroppedAuthentication));
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedTooManySources));

            // There is still room for sources with keys.
            for (int turn = 0; turn < 8; turn++)
            {
                alice.Video.SwitchSource();
                world.Run(0.4);
            }

            world.Settle();
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedTooManySources));
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void Line_14_A_client_that_shows_sources_without_end_has_a_bounded_number_and_hurts_nobody_else()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            var limits = new ShardLimits();
            using var world = new SimulatedWorld(seed, limits: limits);
            SimulatedClient alice = world.Publish();
            SimulatedClient eve = world.Publish("eve");
            SimulatedClient bob = world.Subscribe();
            SimulatedClient carol = world.Subscribe("carol", target: "eve");
            world.RunUntilConnected();
            world.Run(0.5);
            for (int turn = 0; turn < 300; turn++)
            {
                eve.Video.SwitchSource();
                world.Run(0.05);
            }

            Assert.True(world.Server.Count(SfuCounter.DroppedTooManySources) > 100);
            Assert.InRange(carol.VideoPlayback.Packets.Values.Select(packet => packet.Mark.Source).Distinct().Count(), 10, limits.MaxSourcesPerPeer);
            world.Settle();
            PlaybackChecks.IsInOrder(carol.VideoPlayback);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }
}
