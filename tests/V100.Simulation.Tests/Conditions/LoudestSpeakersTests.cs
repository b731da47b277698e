using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>Rooms with more voices than are sent at a time.</summary>
public sealed class LoudestSpeakersTests(ITestOutputHelper output)
{
    private const int Slots = 3;
    private const byte Speech = 0x80 | 25;
    private const byte Noise = 75;

    [Fact]
    public void Of_six_publishers_the_three_that_speak_are_heard_each_in_one_stream_without_a_gap()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed, shardCount: 3, roomLimits: new RoomLimits { LoudestSpeakers = Slots });
            SimulatedClient[] speakers = [.. Enumerable.Range(0, 6).Select(index => Publish(world, $"speaker{index}"))];
            SimulatedClient[] ears = [.. Enumerable.Range(0, 6).Select(index => Listen(world, "bob", $"speaker{index}"))];
            world.RunUntilConnected(10);
            int[] order = [.. Enumerable.Range(0, 6)];
            for (int round = 0; round < 4; round++)
            {
                world.Random.Shuffle(order);
                for (int index = 0; index < speakers.Length; index++)
                {
                    speakers[order[index]].Audio.AudioLevel = index < Slots ? Speech : Noise;
                }

                // Who was silent before gets a place when one of those who have become silent has been so for a second.
                world.Run(LoudestSelector.Hang.TotalSeconds + 0.5);
                int[] before = [.. ears.Select(ear => ear.AudioPlayback.Packets.Count)];
                world.Run(1);
                int[] heard = [.. ears.Select((ear, index) => ear.AudioPlayback.Packets.Count - before[index])];
                Assert.All(order[..Slots], index => Assert.InRange(heard[index], 45, 55));
                Assert.All(order[Slots..], index => Assert.Equal(0, heard[index]));
            }

            world.Settle();
            Assert.True(world.Server.Count(SfuCounter.DroppedNotAmongLoudest) > 500);
            foreach (Playback playback in ears.Select(ear => ear.AudioPlayback).Where(playback => playback.Packets.Count > 0))
            {
                PlaybackChecks.IsInOrder(playback);
                Assert.Equal(0, playback.Holes);
            }
        }
    }

    [Fact]
    public void Who_plays_one_publisher_alone_hears_that_one_however_silent()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed, roomLimits: new RoomLimits { LoudestSpeakers = 1 });
            SimulatedClient silent = Publish(world, "silent");
            SimulatedClient loud = Publish(world, "loud");
            loud.Audio.AudioLevel = Speech;
            SimulatedClient bob = Listen(world, "bob", "silent");
            world.RunUntilConnected();
            world.Run(5);
            world.Settle();
            PlaybackChecks.IsWhole(bob.AudioPlayback);
            PlaybackChecks.HasAllMedia(bob.AudioPlayback, silent.Audio);
            Assert.True(bob.AudioPlayback.Packets.Count > 200);
        }
    }

    private static SimulatedClient Publish(SimulatedWorld world, string identity)
    {
        SimulatedClient client = world.Publish(identity, publisher => publisher.Audio.AudioLevel = Noise, ClientOffer.Publisher(world.Random).AudioOnly());

        // Packets overtake each other, also those at the ends of a pause.
        world.Network.SetPath(client.Address, new LinkConditions { Jitter = TimeSpan.FromMilliseconds(30) }, LinkConditions.Good);
        return client;
    }

    private static SimulatedClient Listen(SimulatedWorld world, string identity, string target) =>
        world.Subscribe(identity, target, ClientOffer.Subscriber().AudioOnly());
}
