using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>The rollover counter that no packet carries (RFC 3711, 3.3.1), on both sides of the server.</summary>
public sealed class RolloverTests(ITestOutputHelper output)
{
    [Fact]
    public void Line_12_A_publisher_that_begins_at_the_wrap_is_followed_over_it_under_loss()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client =>
            {
                client.Video.StartAt(65_530);
                client.Audio.StartAt(65_530);
            });
            world.Network.SetPath(alice.Address, new LinkConditions { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(20) }, LinkConditions.Good);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(2);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
            Assert.Equal(alice.Audio.Number - 1, bob.AudioPlayback.Packets.Values.Last().Mark.Number);
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedAuthentication));
        }
    }

    [Fact]
    public void Line_12_The_counter_of_each_source_is_its_own_and_survives_the_loss_of_all_packets_around_the_wrap()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.StartAt((ushort)world.Random.Next(65_380, 65_480)));
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            uint ssrc = alice.Video.Ssrc;
            world.Network.Admits = packet => !(packet.IsRtp && packet.RtpSsrc == ssrc && packet.RtpSequence is > 65_500 or < 40);
            world.Run(5);
            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            Assert.Equal(alice.Video.Number - 1, bob.VideoPlayback.Packets.Values.Last().Mark.Number);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
        }
    }

    [Fact]
    public void Line_12_All_packets_before_the_wrap_are_lost()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.StartAt(65_500));
            SimulatedClient bob = world.Subscribe();
            uint ssrc = alice.Video.Ssrc;
            world.Network.Admits = packet => !(packet.IsRtp && packet.RtpSsrc == ssrc && packet.RtpSequence >= 65_500);
            world.RunUntilConnected();
            world.Run(4);
            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            Assert.Equal(alice.Video.Number - 1, bob.VideoPlayback.Packets.Values.Last().Mark.Number);
        }
    }

    [Fact]
    public void Line_12_A_subscribers_numbers_begin_low_and_wrap_with_the_counter_under_loss()
    {
        foreach (int seed in Seed.Each(output, count: 1))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client =>
            {
                client.Video.FrameInterval = TimeSpan.FromMilliseconds(5);
                client.Video.MaxPacketsPerFrame = 20;
                client.Video.MaxFillerLength = 20;
            });
            SimulatedClient bob = world.Subscribe();

            // At 2,000 packets a second the server keeps a quarter of a second for retransmission, which is over for the cached packets that a
            // subscriber begins with: losses begin behind them.
            world.RunUntilConnected();
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 0, 2);
            world.Run(0.5);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.01, Jitter = TimeSpan.FromMilliseconds(3) });
            long first = bob.VideoPlayback.Packets.Keys.First() & 0xFFFF;
            Assert.InRange(first, 0, 0x7FFF + 100);
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 70_000, 60);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            Assert.Equal(0, bob.UndecryptedPackets);
        }
    }
}
