using V100.Sfu.Bwe;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>A publisher whose packets are lost on their way to the server, and a subscriber whose own path is good.</summary>
public sealed class UplinkLossTests(ITestOutputHelper output)
{
    private const int Seconds = 20;

    /// <summary>Of the subscriber's path.</summary>
    private const long RateBps = 2_000_000;

    /// <summary>What sound and the best picture take, and something above it: how much more there is found by chance, when probes fall so.</summary>
    private const long SoughtBps = 1_000_000;

    /// <summary>An estimate has been found by then.</summary>
    private const int Found = 6;

    [Fact]
    public void Line_16_The_publishers_loss_does_not_move_a_subscribers_estimate()
    {
        foreach (int seed in Seed.Each(output))
        {
            long[] without = Estimates(seed, uplinkLoss: 0, out _);
            long[] with = Estimates(seed, uplinkLoss: 0.1, out SimulatedClient bob);
            output.WriteLine($"estimates at the end in kbit/s: {without[^1] / 1000}, with loss {with[^1] / 1000}; {bob.VideoPlayback.Nacked} asked for");
            for (int second = Found; second < Seconds; second++)
            {
                Assert.True(with[second] > 0.85 * Math.Min(without[second], SoughtBps), $"after {second} s {with[second]} bit/s, without loss {without[second]}");
            }

            Assert.True(without[^1] > SoughtBps);
        }
    }

    /// <summary>Of each second; by all that the subscriber gets, its own path is one without loss.</summary>
    private static long[] Estimates(int seed, double uplinkLoss, out SimulatedClient bob)
    {
        using var world = new SimulatedWorld(seed);
        SimulatedClient alice = LayeredCall.PublishSimulcast(world);
        bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
        world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { RateBps = RateBps, QueueBytes = (int)(RateBps / 8 * 0.3) });
        world.RunUntilConnected(20);
        world.Network.SetPath(alice.Address, new LinkConditions { Loss = uplinkLoss }, LinkConditions.Good);
        var estimates = new long[Seconds];
        BandwidthEstimator estimator = world.SessionOf(bob).Peer.Peer!.Estimator!;
        for (int second = 0; second < Seconds; second++)
        {
            world.Run(1);
            estimates[second] = estimator.EstimateBps;
            Assert.True(second < Found || estimator.State.Bound != EstimateBound.Loss, $"bound by loss after {second} s");
            Assert.Equal(0, estimator.LossFraction);
        }

        // What the publisher lost is told to the publisher alone, and no number of the subscriber's transport is missing.
        Assert.Equal(uplinkLoss > 0, alice.Reported.Exists(report => report.FractionLost > 0));
        Assert.Empty(bob.Reported);
        Assert.Equal(0, bob.ReceiverReports);
        Assert.Equal(bob.TransportSequencesReceived.Max() - bob.TransportSequencesReceived.Min() + 1, bob.TransportSequencesReceived.Count);
        return estimates;
    }
}
