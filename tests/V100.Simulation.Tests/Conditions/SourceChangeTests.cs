using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>A publisher that takes another SSRC in mid-call: a camera was exchanged, an encoder restarted.</summary>
public sealed class SourceChangeTests(ITestOutputHelper output)
{
    [Fact]
    public void Subscribers_go_on_at_the_new_sources_first_keyframe_in_one_stream()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            SimulatedClient carol = world.Subscribe("carol");
            world.RunUntilConnected();
            for (int turn = 0; turn < 5; turn++)
            {
                world.Run(0.6);
                alice.Video.SwitchSource(startsWithKeyframe: world.Random.Next(2) == 0);
                alice.Audio.SwitchSource();
            }

            world.Run(1);
            world.Settle();
            foreach (SimulatedClient viewer in new[] { bob, carol })
            {
                PlaybackChecks.IsWhole(viewer.VideoPlayback);
                PlaybackChecks.IsWhole(viewer.AudioPlayback);
                PlaybackChecks.IsInOrderOfTurns(viewer.VideoPlayback);
                PlaybackChecks.IsInOrderOfTurns(viewer.AudioPlayback);
                PlaybackChecks.HasAllMedia(viewer.VideoPlayback, alice.Video);
                Assert.Equal(6, viewer.VideoPlayback.Packets.Values.Select(packet => packet.Mark.Source).Distinct().Count());
            }
        }
    }

    [Fact]
    public void Packets_of_the_former_source_that_are_late_harm_nobody()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.Network.SetPath(alice.Address, new LinkConditions { Loss = 0.1, Jitter = TimeSpan.FromMilliseconds(60) }, LinkConditions.Good);
            world.RunUntilConnected(10);
            for (int turn = 0; turn < 6; turn++)
            {
                world.Run(0.5);
                alice.Video.SwitchSource();
            }

            world.Run(0.5);
            world.Settle();
            PlaybackChecks.IsInOrder(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void A_retransmission_of_the_former_source_is_not_taken_for_one_of_the_new()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.StartAt(1000));
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);

            // What is on its way when the source changes has numbers that the new source will use.
            uint former = alice.Video.RtxSsrc;
            world.Network.ExtraDelay = packet => packet.IsRtp && packet.RtpSsrc == former ? TimeSpan.FromMilliseconds(300) : TimeSpan.Zero;
            alice.Video.SendRtxOfLast(40);
            alice.Video.SwitchSource();
            alice.Video.StartAt((ushort)(1000 + world.Random.Next(20)));
            world.Run(2);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void A_goodbye_ends_a_source_and_the_next_one_begins()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            for (int turn = 0; turn < 3; turn++)
            {
                world.Run(0.6);
                alice.Video.SendGoodbye();
                alice.Video.SwitchSource();
            }

            world.Run(0.6);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedTooManySources));
        }
    }
}
