using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>The transport-wide numbers of what a client gets, and the feedback about those of what it sends.</summary>
public sealed class TransportNumberTests(ITestOutputHelper output)
{
    [Fact]
    public void Line_15_One_count_goes_over_sound_picture_retransmissions_and_padding()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = LayeredCall.PublishSimulcast(world);
            alice.Publications.ForEach(publication => publication.PaddingChance = publication.IsVideo ? 0.05 : 0);
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
            List<ushort> sent = NumbersSentTo(world, bob);
            world.RunUntilConnected();
            world.Network.SetPath(alice.Address, new LinkConditions { Jitter = TimeSpan.FromMilliseconds(10) }, LinkConditions.Good);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.03 });
            world.Run(8);
            Assert.True(bob.VideoPlayback.ProbePackets > 0);
            Assert.True(bob.VideoPlayback.PaddingPackets > 0);
            Assert.True(bob.VideoPlayback.Retransmissions > 0);

            // Lost ones had a number as well: the count is that of what was sent, in its order, whatever it was.
            Assert.True(sent.Count > 500);
            Assert.Equal(Enumerable.Range(0, sent.Count), sent.Select(number => (int)number));
        }
    }

    [Fact]
    public void Line_15_The_count_goes_on_over_its_wrap_and_the_estimate_with_it()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => (client.Video.MaxPacketsPerFrame, client.Video.MaxFillerLength) = (200, 60));
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
            world.RunUntilConnected();
            world.RunUntil(() => bob.TransportSequencesReceived.Count > 66_500, 60);
            IsWithoutGap(bob.TransportSequencesReceived);
            Assert.InRange(alice.TransportSequencesReported.Count, 65_000, 65_536);

            // Feedback about numbers beyond the wrap is understood: the estimate still follows the path.
            Limit(world, bob, 1_000_000);
            world.Run(8);
            BandwidthEstimator estimator = world.SessionOf(bob).Peer.Peer!.Estimator!;
            Assert.InRange(estimator.EstimateBps, 300_000, 1_500_000);
        }
    }

    [Fact]
    public void Line_15_A_subscriber_of_sound_alone_gets_the_count_and_tells_of_it()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            world.Publish();
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber().AudioOnly());
            world.RunUntilConnected();
            int feedback = 0;
            world.Network.Tap = packet => feedback += packet.From == bob.Address && packet.IsRtcp ? 1 : 0;
            world.Run(10);
            Assert.Equal(bob.AudioPlayback.Packets.Count, bob.TransportSequencesReceived.Count);
            Assert.InRange(bob.TransportSequencesReceived.Count, 480, 520);
            IsWithoutGap(bob.TransportSequencesReceived);
            Assert.True(feedback > 40);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
        }
    }

    [Fact]
    public void Line_15_Feedback_goes_on_in_a_call_of_audio_alone()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random).AudioOnly());
            world.RunUntilConnected();
            IsFeedbackComplete(world, alice, seconds: 20);
        }
    }

    [Fact]
    public void Line_15_Feedback_goes_on_when_the_video_of_a_call_stops()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);
            alice.Video.EndAt(world.Now);
            IsFeedbackComplete(world, alice, seconds: 10);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
        }
    }

    [Fact]
    public void Line_15_Every_packet_of_the_transport_is_told_of_once_as_come_or_lost()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.PaddingChance = 0.1);
            world.RunUntilConnected();
            world.Network.SetPath(alice.Address, new LinkConditions { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(3) }, LinkConditions.Good);
            IsFeedbackComplete(world, alice, seconds: 5);
        }
    }

    /// <summary>No pause of more than 200 ms, and the numbers that were told of are all that were sent but the last few.</summary>
    private static void IsFeedbackComplete(SimulatedWorld world, SimulatedClient alice, double seconds)
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

    private static void Limit(SimulatedWorld world, SimulatedClient client, long rateBps) => world.Network.SetPath(
        client.Address, LinkConditions.Good, new LinkConditions { RateBps = rateBps, QueueBytes = 40_000 });

    /// <summary>Headers are not encrypted (RFC 3711, 3.1): every packet of media to the client is seen, the lost ones too.</summary>
    private static List<ushort> NumbersSentTo(SimulatedWorld world, SimulatedClient client)
    {
        byte id = client.Offer.Sections[0].IdOf(HeaderExtensionKind.TransportCc);
        List<ushort> numbers = [];
        world.Network.Tap += packet =>
        {
            if (packet.To == client.Address && packet.IsRtp)
            {
                Assert.True(RtpReader.TryParseHeader(packet.Bytes, out RtpReader header));
                Assert.True(header.Extensions.TryGet(id, out ReadOnlySpan<byte> value));
                numbers.Add(BinaryPrimitives.ReadUInt16BigEndian(value));
            }
        };
        return numbers;
    }

    private static void IsWithoutGap(IEnumerable<long> numbers)
    {
        long[] sorted = [.. numbers.Order()];
        Assert.NotEmpty(sorted);
        Assert.Equal(sorted.Length, sorted[^1] - sorted[0] + 1);
    }
}
