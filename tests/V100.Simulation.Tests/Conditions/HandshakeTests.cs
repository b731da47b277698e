using V100.Net.Crypto;
using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>From the first check to the keys, over paths that hinder it.</summary>
public sealed class HandshakeTests(ITestOutputHelper output)
{
    private static readonly string[] _setups = ["actpass", "active", "passive"];

    [Fact]
    public void A_handshake_gets_through_loss_reordering_and_duplication_in_either_role()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            world.Network.Default = new LinkConditions { Loss = 0.3, Duplication = 0.1, Jitter = TimeSpan.FromMilliseconds(40) };
            SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random) with { Setup = _setups[seed % 3] });
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber() with { Setup = _setups[seed / 3 % 3] });
            world.RunUntilConnected(30);
            world.Network.Heal();
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 0, 5);
            world.Run(1);
            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            Assert.Equal(alice.Video.Number - 1, bob.VideoPlayback.Packets.Values.Last().Mark.Number);
            Assert.Equal(2, world.Server.Count(SfuCounter.PeersConnected));
        }
    }

    [Fact]
    public void A_handshake_in_fragments_gets_through_loss_and_reordering()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            world.Network.Default = new LinkConditions { Loss = 0.1, Jitter = TimeSpan.FromMilliseconds(20) };
            int longest = 0;
            int count = 0;
            world.Network.Tap = packet =>
            {
                if (packet.IsDtls && packet.To == SimulatedServer.Address)
                {
                    longest = Math.Max(longest, packet.Bytes.Length);
                    count++;
                }
            };
            SimulatedClient alice = world.Publish(
                configure: client => client.MaxHandshakeDatagramLength = 256,
                offer: ClientOffer.Publisher(world.Random) with { Setup = _setups[seed % 3] });
            world.RunUntilConnected(30);
            Assert.InRange(longest, 200, 256);
            Assert.True(count >= 4, $"{count} datagrams are no fragments");
            Assert.Equal(DtlsState.Established, alice.DtlsState);
        }
    }

    [Fact]
    public void Each_datagram_of_a_handshake_may_be_lost_once()
    {
        // The n-th datagram, in the order of sending, whichever side sends it.
        for (int lost = 0; lost < 14; lost++)
        {
            foreach (string setup in _setups)
            {
                foreach (int seed in Seed.Each(output, count: 1))
                {
                    using var world = new SimulatedWorld(seed);
                    int sent = 0;
                    int victim = lost;
                    world.Network.Admits = packet => sent++ != victim;
                    SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random) with { Setup = setup });
                    world.RunUntilConnected(1.5);
                    world.Run(0.5);
                    Assert.True(alice.IsConnected);
                    Assert.Equal(1, world.Server.Count(SfuCounter.PeersConnected));
                }
            }
        }
    }

    [Fact]
    public void Each_half_of_a_handshake_that_stops_is_given_up_and_leaves_nothing()
    {
        for (int passing = 0; passing < 8; passing++)
        {
            foreach (int seed in Seed.Each(output, count: 2))
            {
                using var world = new SimulatedWorld(seed);
                int sent = 0;
                int last = passing;
                world.Network.Admits = packet => packet.IsStun || sent++ < last;
                SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random) with { Setup = seed % 2 == 0 ? "active" : "passive" });
                world.Run(2);
                if (world.Server.Count(SfuCounter.PeersConnected) > 0)
                {
                    continue; // Enough had passed.
                }

                Assert.Equal(1, world.Server.PeerCount);
                world.Run(31);
                Assert.Equal(PeerCloseReason.DtlsFailed, world.SessionOf(alice).CloseReason);
                alice.Ice.Stop();
                world.Run(1);
                world.AssertEmpty();
            }
        }
    }

    [Fact]
    public void Media_before_the_keys_is_counted_and_the_call_comes_up()
    {
        foreach (int seed in Seed.Each(output, count: 10))
        {
            using var world = new SimulatedWorld(seed);

            // The client has its keys, and sends; the last flight that gives the server its own comes late.
            world.Network.ExtraDelay = packet => packet.IsDtls && packet.To == SimulatedServer.Address ? TimeSpan.FromMilliseconds(50) : TimeSpan.Zero;
            SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random) with { Setup = "passive" });
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected(5);
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > 0, 5);
            world.Run(1);
            world.Settle();
            Assert.True(world.Server.Count(SfuCounter.DroppedBeforeKeys) > 0);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }
}
