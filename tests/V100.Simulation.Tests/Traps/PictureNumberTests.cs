using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>The numbers in VP8's payload descriptor, by which a decoder knows what a frame is predicted from.</summary>
public sealed class PictureNumberTests(ITestOutputHelper output)
{
    private const int Changes = 30;

    [Fact]
    public void Line_01_Numbers_are_continuous_over_switches_of_encoding_and_layer_and_changes_of_width()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = LayeredCall.PublishSimulcast(world);
            SimulatedClient bob = world.Subscribe(offer: world.Random.Next(2) == 0 ? ClientOffer.Subscriber() : ClientOffer.AdaptiveSubscriber());
            world.RunUntilConnected();
            world.Run(2);

            // Lost on the way down only: what the subscriber asks for again has the numbers of its first sending.
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.02 });
            LayeredCall.Wander(world, bob, Changes, between: () => ChangeWidths(world, alice));
            world.Settle();
            List<PlayedFrame> frames = DecoderChecks.FramesOf(bob.VideoPlayback, alice);
            AssertSwitched(world, frames);
            DecoderChecks.AreTimesInOrder(frames);
            Assert.Equal(0, bob.VideoPlayback.Holes);
            DecoderChecks.HasOneDescriptorPerFrame(frames);
            DecoderChecks.AreNumbersContinuous(frames);
            Assert.True(DecoderChecks.AllDecode(frames) > 200);
        }
    }

    [Fact]
    public void Line_02_Packets_that_come_late_around_a_switch_have_the_numbers_of_their_time()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = LayeredCall.PublishSimulcast(world);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(2);

            // Whole frames overtake each other.
            world.Network.SetPath(alice.Address, new LinkConditions { Jitter = TimeSpan.FromMilliseconds(70) }, LinkConditions.Good);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Jitter = TimeSpan.FromMilliseconds(70), Loss = 0.02 });
            LayeredCall.Wander(world, bob, Changes, between: () => ChangeWidths(world, alice));
            world.Settle();
            List<PlayedFrame> frames = DecoderChecks.FramesOf(bob.VideoPlayback, alice);
            AssertSwitched(world, frames);
            DecoderChecks.AreTimesInOrder(frames);
            DecoderChecks.HasOneDescriptorPerFrame(frames);
            DecoderChecks.AreNumbersInOrder(frames);

            // What was late of the former encoding is not sent behind the next one's keyframe, which needs none of it.
            DecoderChecks.AllDecode(frames, lostAtEnds: 6);
            int late = bob.VideoPlayback.Arrivals.Zip(bob.VideoPlayback.Arrivals.Skip(1)).Count(pair => pair.Second < pair.First);
            Assert.InRange(late, 30, bob.VideoPlayback.Packets.Count);
        }
    }

    private static void AssertSwitched(SimulatedWorld world, List<PlayedFrame> frames)
    {
        Assert.InRange(world.Server.Count(SfuCounter.EncodingSwitches), 4, Changes);
        Assert.InRange(frames.Zip(frames.Skip(1)).Count(pair => !pair.Second.Begins && pair.Second.Mark.Frame > pair.First.Mark.Frame + 1), 20, frames.Count);
    }

    /// <summary>Each encoding has another width than before, or the same.</summary>
    private static void ChangeWidths(SimulatedWorld world, SimulatedClient publisher)
    {
        foreach (Publication encoding in publisher.Publications.Where(publication => publication.Layers is not null))
        {
            encoding.Layers!.HasLongPictureIds ^= world.Random.Next(3) == 0;
        }
    }
}
