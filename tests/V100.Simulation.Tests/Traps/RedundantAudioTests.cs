using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Opus with redundancy (RFC 2198) and without: each subscriber gets what it takes.</summary>
public sealed class RedundantAudioTests(ITestOutputHelper output)
{
    private const ushort FirstSequence = 65_400;

    [Fact]
    public void Line_18_Of_redundant_audio_an_Opus_subscriber_gets_each_frame_once_and_in_order_the_lost_ones_too()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = PublishRedundant(world);
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().WithAudio(ClientOffer.RedundantAudio(world.Random).Opus));
            SimulatedClient carol = world.Subscribe("carol", offer: OpusFirst(world));
            world.RunUntilConnected();
            world.RunUntil(() => bob.AudioPlayback.Packets.Count > 5 && carol.AudioPlayback.Packets.Count > 5, 2);

            bool isOrdered = seed % 2 == 0;
            world.Network.SetPath(alice.Address, new LinkConditions { Loss = 0.1, Jitter = TimeSpan.FromMilliseconds(isOrdered ? 5 : 50) }, LinkConditions.Good);
            HashSet<uint> arrived = NoteArrivals(world, alice);
            world.Run(8);
            world.Settle();
            Playback plain = bob.AudioPlayback;
            PlaybackChecks.IsTrue(plain);
            Assert.Equal(0, plain.Duplicates);
            Assert.All(plain.Arrivals.Zip(plain.Arrivals.Skip(1)), pair => Assert.True(pair.First < pair.Second || !isOrdered, $"{pair.Second} after {pair.First}"));
            AssertHeard(plain.Packets.Values.Select(packet => packet.Mark.Number), arrived, alice);
            Assert.Equal(Opus(bob), Assert.Single(plain.FormatsSeen));
            Assert.True(world.Server.Count(SfuCounter.AudioFramesRecovered) > 20);

            Playback redundant = carol.AudioPlayback;
            PlaybackChecks.IsTrue(redundant);
            Assert.True(Assert.Single(redundant.FormatsSeen).IsRedundant);
            AssertHeard(redundant.Packets.Values.Select(packet => packet.Mark.Number).Concat(redundant.RedundantFrames), arrived, alice);
        }
    }

    [Fact]
    public void Line_18_Of_plain_audio_redundancy_is_made_for_who_puts_it_first_and_while_much_is_lost()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            (OfferedFormat red, OfferedFormat opus) = ClientOffer.RedundantAudio(world.Random);
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().WithAudio(red, opus));
            SimulatedClient carol = world.Subscribe("carol", offer: OpusFirst(world));
            SimulatedClient dave = world.Subscribe("dave", offer: OpusFirst(world));
            world.RunUntilConnected();
            world.Network.SetPath(dave.Address, LinkConditions.Good, new LinkConditions { Loss = 0.15 });
            world.RunUntil(() => dave.AudioPlayback.LastFormat?.IsRedundant == true, 30);
            uint from = alice.Audio.Number;
            world.Run(10);
            uint to = alice.Audio.Number - 2;
            world.Network.SetPath(dave.Address, LinkConditions.Good, LinkConditions.Good);
            world.RunUntil(() => dave.AudioPlayback.LastFormat?.IsRedundant == false, 40);
            world.Settle();

            PlaybackChecks.IsWhole(bob.AudioPlayback);
            PlaybackChecks.HasAllMedia(bob.AudioPlayback, alice.Audio);
            Assert.Equal(red, Assert.Single(bob.AudioPlayback.FormatsSeen));
            Assert.True(bob.AudioPlayback.RedundantFrames.Count > 100);
            PlaybackChecks.IsWhole(carol.AudioPlayback);
            Assert.False(Assert.Single(carol.AudioPlayback.FormatsSeen).IsRedundant);

            PlaybackChecks.IsTrue(dave.AudioPlayback);
            uint[] own = [.. dave.AudioPlayback.Packets.Values.Select(packet => packet.Mark.Number).Where(number => number >= from && number < to)];
            int heard = own.Concat(dave.AudioPlayback.RedundantFrames.Where(number => number >= from && number < to)).Distinct().Count();
            Assert.True(to - from - own.Length > 3 * (to - from - heard), $"{to - from} frames, {own.Length} came as their own, {heard} came at all");
        }
    }

    [Fact]
    public void Line_18_What_was_made_of_another_form_is_sent_again_as_it_was()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = seed % 2 == 0 ? PublishRedundant(world) : world.Publish();
            (OfferedFormat red, OfferedFormat opus) = ClientOffer.RedundantAudio(world.Random);
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().WithAudio(seed % 2 == 0 ? [opus] : [red, opus]));
            bob.AudioPlayback.Nacks = true;
            world.RunUntilConnected();
            world.RunUntil(() => bob.AudioPlayback.Packets.Count > 5, 2);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.1, Jitter = TimeSpan.FromMilliseconds(10) });
            world.Run(5);
            world.Settle();
            Assert.True(bob.AudioPlayback.Nacked > 5);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
            PlaybackChecks.HasAllMedia(bob.AudioPlayback, alice.Audio);
            Assert.Equal(seed % 2 != 0, Assert.Single(bob.AudioPlayback.FormatsSeen).IsRedundant);
        }
    }

    private static SimulatedClient PublishRedundant(SimulatedWorld world)
    {
        (OfferedFormat red, OfferedFormat opus) = ClientOffer.RedundantAudio(world.Random);
        return world.Publish(
            configure: client => client.Audio.StartAt(FirstSequence), offer: ClientOffer.Publisher(world.Random, [new(95, "VP8/90000", 94)]).WithAudio(red, opus));
    }

    /// <summary>As browsers offer it.</summary>
    private static ClientOffer OpusFirst(SimulatedWorld world)
    {
        (OfferedFormat red, OfferedFormat opus) = ClientOffer.RedundantAudio(world.Random);
        return ClientOffer.Subscriber([new(95, "VP8/90000", 94)]).WithAudio(opus, red);
    }

    private static OfferedFormat Opus(SimulatedClient client) => Array.Find(client.AudioPlayback.Section.Formats, format => !format.IsRedundant)!;

    private static HashSet<uint> NoteArrivals(SimulatedWorld world, SimulatedClient publisher)
    {
        // What was sent before came: the path was good.
        HashSet<uint> arrived = [.. Enumerable.Range(0, (int)publisher.Audio.Number).Select(number => (uint)number)];
        world.BeforeServer = packet =>
        {
            if (packet.IsRtp && packet.RtpSsrc == publisher.Audio.Ssrc)
            {
                arrived.Add((ushort)(packet.RtpSequence - FirstSequence));
            }
        };
        return arrived;
    }

    /// <summary>Each frame from the first on of which the server got its own packet or one of the two behind it.</summary>
    private static void AssertHeard(IEnumerable<uint> numbers, HashSet<uint> arrived, SimulatedClient publisher)
    {
        HashSet<uint> heard = [.. numbers];
        for (uint number = heard.Min(); number < publisher.Audio.Number; number++)
        {
            bool came = arrived.Contains(number) || arrived.Contains(number + 1) || arrived.Contains(number + 2);
            Assert.True(came == heard.Contains(number), $"frame {number} {(came ? "came" : "did not come")} to the server");
        }
    }
}
