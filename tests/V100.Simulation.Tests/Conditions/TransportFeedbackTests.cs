using V100.Net;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>The feedback from which a publisher's browser estimates its bandwidth.</summary>
public sealed class TransportFeedbackTests(ITestOutputHelper output)
{
    [Fact]
    public void Feedback_goes_on_in_a_call_of_audio_alone()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            ClientOffer offer = ClientOffer.Publisher(world.Random);
            SimulatedClient alice = world.Publish(offer: offer with { Sections = [offer.Sections[0]] });
            world.RunUntilConnected();
            AssertComplete(world, alice, seconds: 20);
        }
    }

    [Fact]
    public void Feedback_goes_on_when_the_video_of_a_call_stops()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);
            alice.Video.EndAt(world.Now);
            AssertComplete(world, alice, seconds: 10);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
        }
    }

    [Fact]
    public void Every_packet_of_the_transport_is_told_of_once_as_come_or_lost()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.PaddingChance = 0.1);
            world.RunUntilConnected();
            world.Network.SetPath(alice.Address, new LinkConditions { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(3) }, LinkConditions.Good);
            AssertComplete(world, alice, seconds: 5);
        }
    }

    /// <summary>No pause of more than 200 ms, and the numbers that were told of are all that were sent but the last few.</summary>
    private static void AssertComplete(SimulatedWorld world, SimulatedClient alice, double seconds)
    {
        world.Run(0.5);
        Instant start = world.Now;
        world.Run(seconds);
        Instant last = start;
        foreach (Instant at in alice.TransportFeedbackTimes.Where(at => at >= start))
        {
            Assert.InRange((at - last).TotalMilliseconds, 0, 200);
            last = at;
        }

        Assert.InRange((world.Now - last).TotalMilliseconds, 0, 200);
        int sent = alice.TransportPacketsSent;
        Assert.InRange(alice.TransportSequencesReported.Count, sent - 60, sent);
        Assert.True(alice.TransportSequencesReported.Count(reported => reported.Value) > 0.85 * (sent - 60));
    }
}
