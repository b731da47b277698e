using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>Calls over paths that lose, shuffle, double, delay and choke.</summary>
public sealed class PathTests(ITestOutputHelper output)
{
    public static TheoryData<double, int, int, double> Paths => new()
    {
        // Loss, delay and jitter in ms one way, duplication.
        { 0.01, 10, 0, 0 },
        { 0.05, 10, 0, 0 },
        { 0.20, 10, 0, 0 },
        { 0, 10, 30, 0 },
        { 0, 10, 0, 0.2 },
        { 0, 150, 10, 0 },
        { 0.02, 150, 20, 0 },
        { 0.05, 40, 30, 0.1 },
    };

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_call_is_whole_over_bad_paths_on_both_sides(double loss, int delayMs, int jitterMs, double duplication)
    {
        var path = new LinkConditions
        {
            Loss = loss,
            Delay = TimeSpan.FromMilliseconds(delayMs),
            Jitter = TimeSpan.FromMilliseconds(jitterMs),
            Duplication = duplication,
        };
        foreach (int seed in Seed.Each(output, count: 10))
        {
            using var world = new SimulatedWorld(seed);
            world.Network.Default = path;
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            bob.VideoPlayback.RetryInterval = TimeSpan.FromMilliseconds(Math.Max(60, 2 * delayMs + jitterMs));
            world.RunUntilConnected(30);
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 0, 5);
            world.Run(3);
            world.Settle(3);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
            PlaybackChecks.IsTrue(bob.VideoPlayback);

            // What is lost on the way to the subscriber before anything came, or overtakes the last of the handshake, nobody can miss.
            if (loss == 0 && bob.UndecryptedPackets == 0)
            {
                PlaybackChecks.StartsAtKeyframe(bob.VideoPlayback);
            }

            // At 20 % each way a packet is given up now and then, and a keyframe is asked for.
            if (loss < 0.2)
            {
                PlaybackChecks.IsWhole(bob.VideoPlayback);
                PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            }

            Assert.InRange(bob.VideoPlayback.Holes, 0, bob.VideoPlayback.Packets.Count / 50);
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedAuthentication));
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedMalformed));
        }
    }

    [Fact]
    public void A_long_way_to_the_publisher_does_not_multiply_what_is_asked_of_it()
    {
        var path = new LinkConditions { Loss = 0.02, Delay = TimeSpan.FromMilliseconds(150), Jitter = TimeSpan.FromMilliseconds(5) };
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.Network.SetPath(alice.Address, path, path with { Loss = 0 });
            world.RunUntilConnected(30);
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 0, 5);
            long lostBefore = world.Network.LostCount;
            int requestsBefore = alice.Video.KeyframeRequests;
            int nackedBefore = alice.Video.NackedPackets;
            world.Run(8);
            long lost = world.Network.LostCount - lostBefore;
            int nacked = alice.Video.NackedPackets - nackedBefore;
            output.WriteLine($"{lost} lost, asked for {nacked} times, {alice.Video.KeyframeRequests - requestsBefore} keyframes asked for");
            Assert.InRange(nacked, 1, 4 * lost + 10);
            Assert.InRange(alice.Video.KeyframeRequests - requestsBefore, 0, 2);
            world.Settle(3);
            PlaybackChecks.IsTrue(bob.VideoPlayback);
        }
    }

    [Fact]
    public void A_narrow_way_to_one_subscriber_leaves_the_others_whole()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            SimulatedClient carol = world.Subscribe("carol");
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { RateBps = 200_000, QueueBytes = 20_000 });
            world.RunUntilConnected(10);
            world.Run(4);
            Assert.True(world.Network.LostCount > 50);
            world.Settle(3);
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            PlaybackChecks.IsWhole(carol.VideoPlayback);
            PlaybackChecks.IsWhole(carol.AudioPlayback);
            PlaybackChecks.HasAllMedia(carol.VideoPlayback, alice.Video);
            Assert.Equal(0, carol.VideoPlayback.Retransmissions);
        }
    }

    [Fact]
    public void A_path_that_breaks_and_heals_in_mid_call_costs_only_what_it_lost()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);
            var dead = new LinkConditions { Loss = 1 };
            SimulatedClient victim = world.Random.Next(2) == 0 ? alice : bob;
            world.Network.SetPath(victim.Address, dead, dead);
            world.Run(6);
            world.Network.Heal();
            int before = bob.VideoPlayback.Packets.Count;
            int keyframes = bob.VideoPlayback.Keyframes;
            if (victim == bob)
            {
                bob.VideoPlayback.RequestKeyframe();
            }

            world.Run(2);
            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
            Assert.True(bob.VideoPlayback.Packets.Count > before + 60);
            Assert.True(bob.VideoPlayback.Keyframes > keyframes, "the picture comes back by a keyframe");
            Assert.Equal(alice.Video.Number - 1, bob.VideoPlayback.Packets.Values.Last().Mark.Number);
        }
    }
}
