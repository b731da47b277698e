using V100.Net;
using V100.Sfu.Bwe;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Where a subscriber may be given more: at a keyframe that is there to its last packet, or where a layer may be taken up.</summary>
public sealed class SwitchingPointTests(ITestOutputHelper output)
{
    [Fact]
    public void Line_23_Keyframes_of_which_a_packet_is_lost_for_ever_are_no_place_to_switch_up()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = LayeredCall.PublishSimulcast(world);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Limit(bob, new LayerConstraints { MaxPlace = 0 });
            world.Run(3);
            Publication high = alice.Encoding("h");
            int toDamage = world.Random.Next(1, 5);
            int first = high.KeyframesSent;
            int requests = high.KeyframeRequests;
            DamageKeyframes(world, high, toDamage, isForEver: true);
            Instant wished = world.Now;
            world.Limit(bob, new LayerConstraints());
            world.RunUntil(() => high.KeyframesSent > first + toDamage, 10);
            Assert.DoesNotContain(bob.VideoPlayback.Packets.Values, packet => packet.At > wished && packet.Mark.Source == high.SourceId);

            // Requests are made by a timer, half a second apart, until one comes whole; that one is where it goes on.
            Assert.InRange((world.Now - wished).TotalSeconds, 0.5 * toDamage - 0.1, 0.8 * (toDamage + 1));
            world.Run(0.3);
            Assert.Contains(bob.VideoPlayback.Packets.Values, packet => packet.Mark.Source == high.SourceId);
            world.Run(2);
            Assert.InRange(high.KeyframeRequests - requests, toDamage + 1, toDamage + 2);
            LosesNothing(world, alice, bob, wished);
        }
    }

    [Fact]
    public void Line_23_A_keyframe_whose_packets_come_late_is_switched_to_when_it_is_whole()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = LayeredCall.PublishSimulcast(world);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Limit(bob, new LayerConstraints { MaxPlace = 0 });
            world.Run(3);
            Publication high = alice.Encoding("h");
            DamageKeyframes(world, high, count: 10, isForEver: false);
            Instant wished = world.Now;
            int first = high.KeyframesSent;
            world.Limit(bob, new LayerConstraints());
            world.RunUntil(() => bob.VideoPlayback.Packets.Values.Any(packet => packet.At > wished && packet.Mark.Source == high.SourceId), 3);
            Assert.Equal(first + 1, high.KeyframesSent);
            Assert.True(high.Retransmissions > 0);
            world.Run(1);
            LosesNothing(world, alice, bob, wished);
        }
    }

    [Fact]
    public void Line_23_Who_begins_has_a_whole_keyframe_soon_however_many_lose_a_packet_before()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            SimulatedClient alice = world.Publish(configure: client => client.Video.Layers = new TemporalLayers(world.Random));
            int damaged = world.Random.Next(1, 5);
            DamageKeyframes(world, alice.Video, damaged, isForEver: true);
            world.RunUntil(() => alice.Video.KeyframesSent > damaged, 10);
            Instant whole = world.Now;
            world.Run(1);
            world.Settle();

            // Of a keyframe without its first packet nothing is sent at all.
            PlaybackChecks.StartsAtKeyframe(bob.VideoPlayback);
            List<PlayedFrame> frames = DecoderChecks.FramesOf(bob.VideoPlayback, alice);
            frames.RemoveAll(frame => frame.Mark.CapturedAt < whole - TimeSpan.FromMilliseconds(5));
            Assert.True(frames[0].Sent.IsKeyframe && frames[0].IsWhole);
            Assert.True(DecoderChecks.AllDecode([frames[0] with { Begins = true }, .. frames.Skip(1)]) > 20);
        }
    }

    [Fact]
    public void Line_23_A_temporal_layer_is_taken_up_where_it_can_be_decoded_from()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.Layers = new TemporalLayers(world.Random));
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);
            world.Network.Default = new LinkConditions { Loss = 0.02 };
            for (int turn = 0; turn < 40; turn++)
            {
                world.Limit(bob, new LayerConstraints { MaxTemporal = (sbyte)world.Random.Next(3) });
                world.Run(0.05 + 0.4 * world.Random.NextDouble());
            }

            world.Settle();
            List<PlayedFrame> frames = DecoderChecks.FramesOf(bob.VideoPlayback, alice);
            Assert.True(DecoderChecks.AllDecode(frames) > 100);
            Assert.Equal([0, 1, 2], frames.Select(frame => frame.Sent.TemporalLayer).Distinct().Order());
            Assert.InRange(alice.Video.KeyframesSent, 1, 3);
        }
    }

    /// <summary>Of each of the next keyframes a packet is lost: the first, the last or one between; and what is sent for it as well, or only the first time.</summary>
    private static void DamageKeyframes(SimulatedWorld world, Publication publication, int count, bool isForEver)
    {
        int keyframes = publication.KeyframesSent;
        int last = keyframes + count;
        int index = 0;
        int lost = 0;
        world.Network.Admits = packet =>
        {
            if (!packet.IsRtp || packet.RtpSsrc != publication.Ssrc)
            {
                return !packet.IsRtp || !isForEver || packet.RtpSsrc != publication.RtxSsrc;
            }

            if (publication.KeyframesSent > keyframes)
            {
                keyframes = publication.KeyframesSent;
                index = 0;
                int packets = 2 * publication.MaxPacketsPerFrame;
                lost = keyframes > last ? -1 : world.Random.Next(3) switch { 0 => 0, 1 => packets - 1, _ => world.Random.Next(1, packets - 1) };
            }

            return index++ != lost || keyframes > last;
        };
    }

    /// <summary>It went on all the time, and everything decodes: no stretch begins with part of a keyframe.</summary>
    private static void LosesNothing(SimulatedWorld world, SimulatedClient publisher, SimulatedClient viewer, Instant since)
    {
        world.Settle();
        List<PlayedFrame> frames = DecoderChecks.FramesOf(viewer.VideoPlayback, publisher);
        DecoderChecks.AllDecode(frames, lostAtEnds: 2);
        DecoderChecks.AreNumbersContinuous(frames);
        Instant[] arrivals = [.. frames.Select(frame => frame.Packets[0].At).Where(at => at > since)];
        Assert.All(arrivals.Zip(arrivals.Skip(1)), pair => Assert.True(pair.Second - pair.First < TimeSpan.FromMilliseconds(200)));
    }
}
