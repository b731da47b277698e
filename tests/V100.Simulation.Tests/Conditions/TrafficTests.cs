using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>What a peer's transport counts is what a counter on the wire counts, to the byte.</summary>
public sealed class TrafficTests(ITestOutputHelper output)
{
    private static readonly LinkConditions _bad = new() { Loss = 0.05, Duplication = 0.02, Jitter = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public void Bytes_of_media_are_those_on_the_wire_each_packet_once_with_its_retransmissions_and_padding()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            var wire = new WireCount(world);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
            world.Network.SetPath(alice.Address, _bad, _bad);
            world.Network.SetPath(bob.Address, _bad, _bad);
            world.RunUntilConnected();
            world.Run(5);
            PeerTraffic published = world.SessionOf(alice).Peer.Traffic;
            PeerTraffic played = world.SessionOf(bob).Peer.Traffic;
            Assert.True(world.Server.Count(SfuCounter.RtpRetransmitted) > 0);
            Assert.True(world.Server.Count(SfuCounter.DroppedReplay) > 0);
            foreach ((SimulatedClient client, PeerTraffic traffic) in new[] { (alice, published), (bob, played) })
            {
                Assert.True(traffic.ReceivedBytes > 0);
                Assert.Equal((wire.From(client), wire.To(client)), (traffic.ReceivedBytes, traffic.SentBytes));
            }

            // The farewell counts too, and nothing does after it.
            world.Server.Use(rooms => rooms.Delete("room", world.Now), world.Now);
            world.Run(1);
            Assert.Equal(wire.To(bob), played.SentBytes);
            Assert.Equal(wire.To(alice), published.SentBytes);
        }
    }

    [Fact]
    public void What_is_forged_costs_nobody_anything()
    {
        foreach (int seed in Seed.Each(output, count: 3))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            world.RunUntilConnected();
            world.Settle();
            PeerTraffic traffic = world.SessionOf(alice).Peer.Traffic;
            long before = traffic.ReceivedBytes;
            byte[] forged = new byte[200];
            world.Random.NextBytes(forged);
            forged[0] = 0x80;
            foreach (byte type in (byte[])[96, 201])
            {
                forged[1] = type;
                world.Network.Send(forged, alice.Address, SimulatedServer.Address, world.Now);
            }

            world.Run(0.05);
            Assert.Equal(2, world.Server.Count(SfuCounter.DroppedAuthentication) + world.Server.Count(SfuCounter.DroppedMalformed));
            Assert.Equal(before, traffic.ReceivedBytes);
        }
    }

    /// <summary>Bytes of RTP and RTCP, told apart by their first byte alone (RFC 7983).</summary>
    private sealed class WireCount
    {
        private readonly Dictionary<V100.Net.TransportAddress, long> _to = [];
        private readonly Dictionary<V100.Net.TransportAddress, long> _from = [];
        private readonly HashSet<string> _seen = [];

        public WireCount(SimulatedWorld world)
        {
            world.Network.Tap = packet =>
            {
                if (packet.IsMedia && packet.From == SimulatedServer.Address)
                {
                    _to[packet.To] = _to.GetValueOrDefault(packet.To) + packet.Bytes.Length;
                }
            };
            world.BeforeServer = packet =>
            {
                if (packet.IsMedia && _seen.Add(Convert.ToHexString(packet.Bytes)))
                {
                    _from[packet.From] = _from.GetValueOrDefault(packet.From) + packet.Bytes.Length;
                }
            };
        }

        public long To(SimulatedClient client) => _to.GetValueOrDefault(client.Address);

        public long From(SimulatedClient client) => _from.GetValueOrDefault(client.Address);
    }
}
