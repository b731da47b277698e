using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>Who comes, goes and stays, on which shard.</summary>
public sealed class MembershipTests(ITestOutputHelper output)
{
    [Fact]
    public void Subscribers_on_all_shards_get_the_same_call()
    {
        foreach (int seed in Seed.Each(output))
        {
            const int Shards = 4;
            using var world = new SimulatedWorld(seed, Shards);
            SimulatedClient alice = world.Publish();
            SimulatedClient[] viewers = [.. Enumerable.Range(0, 2 * Shards).Select(index => world.Subscribe($"viewer{index}"))];
            SpreadOver(world, Shards);
            world.Network.SetPath(alice.Address, new LinkConditions { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(10) }, LinkConditions.Good);
            world.RunUntilConnected(20);
            world.Run(1);
            world.Network.Default = new LinkConditions { Loss = 0.02, Jitter = TimeSpan.FromMilliseconds(10) };
            world.Run(1);
            world.Settle();
            foreach (SfuShard shard in world.Server.Shards)
            {
                Assert.InRange(shard.PeerCount, 2, 3);
            }

            foreach (SimulatedClient viewer in viewers)
            {
                PlaybackChecks.IsWhole(viewer.VideoPlayback);
                PlaybackChecks.IsTrue(viewer.AudioPlayback);
                PlaybackChecks.StartsAtKeyframe(viewer.VideoPlayback);
                PlaybackChecks.HasAllMedia(viewer.VideoPlayback, alice.Video);
            }

            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedRingFull));
        }
    }

    [Fact]
    public void Packets_that_come_to_another_shard_than_their_peers_are_handed_over()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();

            // The kernel's hash changes when a socket joins or leaves.
            world.Server.Routing = client => world.Random.Next(2);
            world.Run(2);
            world.Settle();
            Assert.True(world.Server.Count(SfuCounter.HandedOver) > 100);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
        }
    }

    [Fact]
    public void Who_joins_late_begins_at_a_keyframe_soon_and_disturbs_nobody()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.Network.SetPath(alice.Address, new LinkConditions { Loss = 0.02, Jitter = TimeSpan.FromMilliseconds(5) }, LinkConditions.Good);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(5) });
            world.RunUntilConnected(10);
            world.Run(2);
            for (int joiner = 0; joiner < 3; joiner++)
            {
                SimulatedClient late = world.Subscribe($"late{joiner}");
                world.RunUntil(() => late.IsConnected, 10);
                world.RunUntil(() => late.VideoPlayback.Packets.Count > 8 && late.AudioPlayback.Packets.Count > 0, 3);
                PlaybackChecks.StartsAtKeyframe(late.VideoPlayback);
            }

            world.Settle();
            foreach (SimulatedClient viewer in world.Clients.Where(client => client != alice))
            {
                PlaybackChecks.IsWhole(viewer.VideoPlayback);
                PlaybackChecks.HasAllMedia(viewer.VideoPlayback, alice.Video);
            }

            // Those who came late began with what was cached.
            Assert.InRange(alice.Video.KeyframesSent, 1, 6);
            Assert.Single(bob.VideoPlayback.Packets.Values.Select(packet => packet.Mark.Source).Distinct());
        }
    }

    [Fact]
    public void A_subscriber_that_was_there_first_gets_the_publisher_when_it_comes_and_when_it_comes_again()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            SimulatedClient first = world.Publish();
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 50, 5);
            SimulatedClient second = world.Publish();
            world.RunUntil(() => bob.VideoPlayback.Packets.Values.Any(packet => packet.Mark.Source == second.Video.SourceId), 5);
            Assert.Equal(PeerCloseReason.Replaced, world.SessionOf(first).CloseReason);
            world.Remove(first);
            world.Run(1);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, second.Video);
        }
    }

    [Fact]
    public void Nothing_is_left_of_clients_that_left_in_any_way()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed, shardCount: 3);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            SimulatedClient carol = world.Subscribe("carol");
            SimulatedClient dave = world.Subscribe("dave");
            world.RunUntilConnected();
            world.Run(1);
            bob.Close(world.Now);
            carol.Vanish();
            world.Server.Use(rooms => rooms.RemoveParticipant("room", "dave", world.Now), world.Now);
            world.Run(1);
            Assert.True(dave.IsClosed);
            Assert.True(dave.VideoPlayback.SaidGoodbye);
            Assert.Equal(2, world.Server.Rooms.SessionCount);
            world.Run(31);
            Assert.Equal(1, world.Server.Rooms.SessionCount);
            Assert.Equal(PeerCloseReason.DtlsClosed, world.SessionOf(bob).CloseReason);
            Assert.Equal(PeerCloseReason.ConsentExpired, world.SessionOf(carol).CloseReason);
            Assert.Equal(PeerCloseReason.ParticipantRemoved, world.SessionOf(dave).CloseReason);
            alice.Close(world.Now);
            world.Run(1);
            world.AssertEmpty();
        }
    }

    [Fact]
    public void Who_follows_goes_from_one_publisher_to_another_in_one_stream()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed, shardCount: 3);
            SimulatedClient alice = world.Publish(configure: client => client.Audio.AudioLevel = 0x80 | 60);
            SimulatedClient eve = world.Publish("eve", client => client.Audio.AudioLevel = 0x80 | 60);
            SimulatedClient bob = world.Subscribe(target: null);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Duplication = 0.1, Jitter = TimeSpan.FromMilliseconds(10) });
            world.RunUntilConnected(10);
            for (int turn = 0; turn < 4; turn++)
            {
                (turn % 2 == 0 ? alice : eve).Audio.AudioLevel = 0x80 | 100;
                (turn % 2 == 0 ? eve : alice).Audio.AudioLevel = 0x80 | 20;
                world.Run(2);
            }

            world.Settle();
            PlaybackChecks.IsInOrderOfTurns(bob.VideoPlayback);
            PlaybackChecks.IsInOrderOfTurns(bob.AudioPlayback);
            Assert.Equal(0, bob.VideoPlayback.Holes);
            Assert.Equal(2, bob.VideoPlayback.Packets.Values.Select(packet => packet.Mark.Source).Distinct().Count());
        }
    }

    private static void SpreadOver(SimulatedWorld world, int shards)
    {
        var places = new Dictionary<V100.Net.TransportAddress, int>();
        world.Server.Routing = client =>
        {
            if (!places.TryGetValue(client, out int shard))
            {
                shard = places.Count % shards;
                places.Add(client, shard);
            }

            return shard;
        };
    }
}
