using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>What AV1 says of its frames beside them: a receiver decodes by it alone.</summary>
public sealed class DependencyDescriptorTests(ITestOutputHelper output)
{
    private static readonly OfferedFormat[] _published = [new(45, "AV1/90000", 46)];
    private static readonly OfferedFormat[] _played = [new(98, "AV1/90000", 99)];

    /// <summary>Frames of the layers' pattern, twice.</summary>
    private const int TwoCycles = 8;

    [Fact]
    public void Line_22_The_mask_of_decode_targets_is_that_of_the_layers_that_are_sent()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world);
            SimulatedClient bob = Subscribe(world, "bob");
            world.RunUntilConnected();
            world.Run(1);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.02 });
            for (int turn = 0; turn < 12; turn++)
            {
                world.Limit(bob, new LayerConstraints { MaxTemporal = (sbyte)(turn < 3 ? turn : world.Random.Next(3)) });
                world.Run(0.5 + world.Random.NextDouble());
                if (world.Random.Next(3) == 0)
                {
                    alice.Video.HandleKeyframeRequest();
                }
            }

            world.Settle();
            List<PlayedFrame> frames = DecoderChecks.FramesOf(bob.VideoPlayback, alice);
            Assert.True(DecoderChecks.AllDecode(frames) > 100);
            List<int> masks = FollowDescriptors(frames);
            Assert.Equal([0, 1, 2], masks.Distinct().Order());
        }
    }

    [Fact]
    public void Line_22_Who_joins_in_the_middle_gets_the_structure_from_the_cache_and_decodes()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world);
            SimulatedClient bob = Subscribe(world, "bob");
            world.RunUntilConnected();
            world.Run(0.3 + 1.5 * world.Random.NextDouble());
            int before = alice.Video.KeyframeRequests;
            SimulatedClient carol = Subscribe(world, "carol");
            int temporal = world.Random.Next(3);
            world.Limit(carol, new LayerConstraints { MaxTemporal = (sbyte)temporal });
            world.RunUntil(() => carol.IsConnected, 5);
            world.Run(1);
            world.Settle();
            Assert.Equal(before, alice.Video.KeyframeRequests);
            foreach (SimulatedClient viewer in new[] { bob, carol })
            {
                List<PlayedFrame> frames = DecoderChecks.FramesOf(viewer.VideoPlayback, alice);
                Assert.Equal(0u, frames[0].Mark.Frame);
                DecoderChecks.AllDecode(frames);
                List<int> masks = FollowDescriptors(frames);
                Assert.Equal(viewer == carol ? temporal : 2, masks[^1]);
            }
        }
    }

    [Fact]
    public void Line_22_Structures_of_several_encodings_are_never_taken_for_each_other()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = LayeredCall.PublishSimulcast(world, _published, WithDescriptor);
            SimulatedClient bob = Subscribe(world, "bob");
            world.RunUntilConnected();
            world.Run(2);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.02 });
            LayeredCall.Wander(world, bob, changes: 30);
            world.Settle();
            List<PlayedFrame> frames = DecoderChecks.FramesOf(bob.VideoPlayback, alice);
            Assert.InRange(world.Server.Count(SfuCounter.EncodingSwitches), 4, 30);
            Assert.Equal(0, bob.VideoPlayback.Holes);
            DecoderChecks.AreTimesInOrder(frames);
            Assert.True(DecoderChecks.AllDecode(frames) > 200);
            FollowDescriptors(frames);
        }
    }

    private static SimulatedClient Publish(SimulatedWorld world) => world.Publish(
        configure: client => client.Video.Layers = new TemporalLayers(world.Random),
        offer: WithDescriptor(ClientOffer.Publisher(world.Random, _published)));

    private static SimulatedClient Subscribe(SimulatedWorld world, string identity) =>
        world.Subscribe(identity, offer: WithDescriptor(ClientOffer.Subscriber(_played)));

    private static ClientOffer WithDescriptor(ClientOffer offer) => offer with
    {
        Sections = Array.ConvertAll(
            offer.Sections,
            section => section.Kind != MediaKind.Video ? section : section with { Extensions = [.. section.Extensions, (12, HeaderExtensionKind.DependencyDescriptor)] }),
    };

    /// <summary>Reads everything as a receiver does. Returns the highest active layer at each frame.</summary>
    private static List<int> FollowDescriptors(List<PlayedFrame> frames)
    {
        var reader = new DependencyReader();
        List<int> masks = [];
        foreach (PlayedFrame frame in frames)
        {
            reader.Take(frame);
            masks.Add(reader.ActiveTemporalLayer);
            Assert.True(frame.Sent.TemporalLayer <= masks[^1], $"{frame.Mark} of layer {frame.Sent.TemporalLayer} under a mask up to {masks[^1]}");
        }

        // Where a mask stays for two cycles, frames of its highest layer came.
        for (int first = 0; first + TwoCycles <= frames.Count; first++)
        {
            bool stays = masks.GetRange(first, TwoCycles).TrueForAll(mask => mask == masks[first]) && !frames.GetRange(first, TwoCycles).Exists(frame => frame.Begins);
            Assert.True(!stays || frames.GetRange(first, TwoCycles).Max(frame => frame.Sent.TemporalLayer) == masks[first], $"no frame of layer {masks[first]} from {frames[first].Mark} on");
        }

        return masks;
    }
}
