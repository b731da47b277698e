using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Packets that are sent again, on both sides of the server.</summary>
public sealed class RetransmissionTests(ITestOutputHelper output)
{
    private static readonly OfferedFormat[] _withoutRtx = [new(96, "VP8/90000")];

    [Fact]
    public void Line_03_Each_packet_that_the_publishers_path_drops_once_comes_restored()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 5, 2);
            int lost = DropOriginals(world, alice.Video.Ssrc, () => world.Run(3));
            world.Settle();
            Assert.True(lost > 50);
            Assert.True(alice.Video.Retransmissions >= lost);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void Line_03_Each_packet_that_a_subscribers_path_drops_once_comes_again_under_numbers_of_its_own()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            SimulatedClient carol = world.Subscribe("carol");
            world.RunUntilConnected();
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 5 && carol.VideoPlayback.Packets.Count > 5, 2);
            int lost = DropOriginals(world, bob.VideoPlayback.Ssrc, () => world.Run(3));
            world.Settle();
            Assert.True(lost > 50);
            Playback repaired = bob.VideoPlayback;
            PlaybackChecks.IsWhole(repaired);
            PlaybackChecks.HasAllMedia(repaired, alice.Video);
            Assert.Equal(lost, repaired.Packets.Values.Count(packet => packet.CameAsRetransmission));
            AssertOneByOne(repaired.RetransmissionSequences);
            PlaybackChecks.IsWhole(carol.VideoPlayback);
            Assert.Equal(0, carol.VideoPlayback.Retransmissions);
            Assert.Equal(0, alice.Video.NackedPackets);
        }
    }

    [Fact]
    public void Line_03_Without_RTX_the_packet_itself_comes_again()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random, _withoutRtx));
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber(_withoutRtx));
            world.RunUntilConnected();
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 5, 2);
            int lostUp = DropOriginals(world, alice.Video.Ssrc, () => world.Run(1.5));
            int lostDown = DropOriginals(world, bob.VideoPlayback.Ssrc, () => world.Run(1.5));
            world.Settle();
            Assert.True(lostUp > 20 && lostDown > 20);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    /// <summary>One nonce never seals two texts, header extensions among them: what goes out again under a number is the same to the last byte.</summary>
    [Fact]
    public void Line_03_Without_RTX_a_numbered_packet_comes_again_byte_for_byte()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            world.Publish(offer: ClientOffer.Publisher(world.Random, _withoutRtx));
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber(_withoutRtx));
            world.RunUntilConnected();
            var sealedAs = new Dictionary<(uint, ushort), byte[]>();
            int again = 0;
            world.Network.Tap += packet =>
            {
                if (packet.IsRtp && packet.To == bob.Address && !sealedAs.TryAdd((packet.RtpSsrc, packet.RtpSequence), packet.Bytes))
                {
                    again++;
                    Assert.Equal(sealedAs[(packet.RtpSsrc, packet.RtpSequence)], packet.Bytes);
                }
            };
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 5, 2);
            DropOriginals(world, bob.VideoPlayback.Ssrc, () => world.Run(1.5));
            world.Settle();
            Assert.True(again > 20);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
        }
    }

    [Fact]
    public void Line_04_What_was_sent_before_a_switch_is_never_answered_with_what_came_after()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            OfferedFormat[] formats = seed % 2 == 0 ? _withoutRtx : [new(96, "VP8/90000", 97)];
            SimulatedClient alice = world.Publish(configure: client => client.Video.StartAt(1000), offer: ClientOffer.Publisher(world.Random, formats));
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber(formats));
            bob.VideoPlayback.Nacks = false;
            world.RunUntilConnected();
            world.Run(1);

            // The new source has the numbers of the old one, and no keyframe comes for a while: the subscriber asks for what it had.
            alice.Video.ObeysKeyframeRequests = false;
            alice.Video.SwitchSource(startsWithKeyframe: false);
            alice.Video.StartAt(1000);
            for (int round = 0; round < 10; round++)
            {
                world.Run(0.1);
                bob.VideoPlayback.SendNack([.. bob.VideoPlayback.Packets.Keys.TakeLast(60).Select(sequence => new SequenceNumber((ushort)sequence))]);
            }

            alice.Video.ObeysKeyframeRequests = true;
            world.Run(2);
            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            Assert.Equal(2, bob.VideoPlayback.Packets.Values.Select(packet => packet.Mark.Source).Distinct().Count());
        }
    }

    [Fact]
    public void Line_04_A_retransmission_has_the_numbers_and_times_of_its_first_sending_after_switches()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(10) });
            world.RunUntilConnected();
            for (int turn = 0; turn < 4; turn++)
            {
                world.Run(0.7);
                alice.Video.SwitchSource();
            }

            world.Run(0.7);
            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void Line_05_A_storm_of_NACKs_costs_a_bounded_number_of_bytes()
    {
        foreach (int seed in Seed.Each(output, count: 10))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            bob.VideoPlayback.Nacks = false;
            world.RunUntilConnected();
            world.Run(2);
            SequenceNumber[] wanted = [.. bob.VideoPlayback.Packets.Keys.TakeLast(40).Select(sequence => new SequenceNumber((ushort)sequence))];
            int sent = 0;
            uint ssrc = bob.VideoPlayback.RtxSsrc;
            world.Network.Tap = packet => sent += packet.IsRtp && packet.RtpSsrc == ssrc ? 1 : 0;

            // The round trip is 20 ms: in 10 ms every packet may go once.
            for (int repetition = 0; repetition < 100; repetition++)
            {
                world.Run(0.0001);
                bob.VideoPlayback.SendNack(wanted);
            }

            world.Run(0.03);
            Assert.InRange(sent, wanted.Length, 2 * wanted.Length);
            for (int repetition = 0; repetition < 1000; repetition++)
            {
                world.Run(0.001);
                bob.VideoPlayback.SendNack(wanted);
            }

            world.Settle();
            Assert.InRange(sent, wanted.Length, SentPacketHistory.MaxRetransmissions * wanted.Length);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            Assert.True(world.Server.Count(SfuCounter.NacksUnanswered) > 40_000 - 10 * wanted.Length);
        }
    }

    /// <summary>Loses every original of the SSRC that was not lost before, with at most four in a row, while <paramref name="run"/> goes on.</summary>
    private static int DropOriginals(SimulatedWorld world, uint ssrc, Action run)
    {
        int lost = 0;
        var seen = new HashSet<ushort>();
        int passesIn = 1;
        world.Network.Admits = packet =>
        {
            if (!packet.IsRtp || packet.RtpSsrc != ssrc || !seen.Add(packet.RtpSequence))
            {
                return true;
            }

            if (--passesIn == 0)
            {
                passesIn = world.Random.Next(2, 6);
                return true;
            }

            lost++;
            return false;
        };
        run();
        world.Network.Admits = null;
        return lost;
    }

    private static void AssertOneByOne(List<long> sequences)
    {
        for (int index = 1; index < sequences.Count; index++)
        {
            Assert.Equal(sequences[index - 1] + 1, sequences[index]);
        }
    }
}
