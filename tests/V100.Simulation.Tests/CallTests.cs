using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation;

/// <summary>Whole calls, from the offer to the last byte of the last packet.</summary>
public sealed class CallTests(ITestOutputHelper output)
{
    [Fact]
    public void A_published_call_is_played_byte_for_byte()
    {
        using var world = new SimulatedWorld(Seed.Each(output, count: 1).First());
        SimulatedClient alice = world.Publish();
        SimulatedClient bob = world.Subscribe();
        world.RunUntilConnected();
        world.Run(5);
        world.Settle();
        PlaybackChecks.IsWhole(bob.AudioPlayback);
        PlaybackChecks.IsWhole(bob.VideoPlayback);
        PlaybackChecks.StartsAtKeyframe(bob.VideoPlayback);
        Assert.InRange(bob.VideoPlayback.Packets.Count, 250, 1000);
        Assert.InRange(bob.AudioPlayback.Packets.Count, 250, 280);
        Assert.Equal(alice.Video.Number - 1, bob.VideoPlayback.Packets.Values.Last().Mark.Number);
        Assert.True(alice.TransportFeedbackPackets > 20);
        Assert.True(alice.ReceiverReports >= 3);
        Assert.True(bob.VideoPlayback.Reports.Count >= 3);
    }
}
