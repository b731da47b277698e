using V100.Net;
using V100.Sfu.Peers;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>Addresses that change under a call, and consent that ends.</summary>
public sealed class IceTests(ITestOutputHelper output)
{
    [Fact]
    public void A_client_whose_port_changes_is_found_again_by_its_next_check_of_consent()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed, shardCount: 3);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);
            SimulatedClient moved = world.Random.Next(2) == 0 ? alice : bob;
            moved.Rebind(world.NextAddress());

            // It does not know of it: a NAT has forgotten it. It checks every 2.5 to 5 s, and twice may be needed.
            uint number = alice.Video.Number;
            world.RunUntil(() => bob.VideoPlayback.Packets.Values.Last().Mark.Number > number + 60, 12);
            world.Run(1);
            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
            Assert.Equal(alice.Video.Number - 1, bob.VideoPlayback.Packets.Values.Last().Mark.Number);
            Assert.Equal(2, world.Server.PeerCount);
        }
    }

    [Fact]
    public void A_client_that_knows_of_its_new_address_goes_on_at_once()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed, shardCount: 3);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);
            foreach (SimulatedClient moved in new[] { alice, bob })
            {
                moved.Rebind(world.NextAddress());
                moved.Ice.CheckAnew(world.Now);
                uint number = alice.Video.Number;
                world.RunUntil(() => bob.VideoPlayback.Packets.Values.Last().Mark.Number > number + 5, 1);
            }

            world.Settle();
            PlaybackChecks.IsTrue(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void An_ICE_restart_changes_address_and_credentials_and_loses_nothing()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed, shardCount: 3);
            world.Network.Default = new LinkConditions { Jitter = TimeSpan.FromMilliseconds(5) };
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            for (int turn = 0; turn < 4; turn++)
            {
                world.Run(1);
                SimulatedClient restarted = turn % 2 == 0 ? alice : bob;
                string former = restarted.Answer.Ufrag;
                world.RestartIce(restarted);
                if (turn >= 2)
                {
                    restarted.Rebind(world.NextAddress());
                }

                Assert.False(restarted.Ice.IsValid);
                world.RunUntil(() => restarted.Ice.IsNominated, 1);
                Assert.NotEqual(former, world.SessionOf(restarted).IceTag);
            }

            world.Run(1);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
            Assert.Equal(DtlsUp, alice.DtlsState);
            Assert.Equal(2, world.Server.Peers.AddressCount);
        }
    }

    [Fact]
    public void A_client_that_falls_silent_is_sent_to_for_30_seconds_and_no_longer()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(3);
            Instant lastCheck = default;
            Instant lastSent = default;
            TransportAddress silent = bob.Address;
            world.BeforeServer = packet => lastCheck = packet.From == silent && packet.IsStun ? world.Now : lastCheck;
            world.Network.Tap = packet => lastSent = packet.To == silent ? world.Now : lastSent;
            world.Run(6);
            world.Network.Admits = packet => packet.From != silent || !packet.IsStun;
            world.Run(40);
            Assert.InRange((lastSent - lastCheck).TotalSeconds, 29.9, 30.1);
            Assert.Equal(PeerCloseReason.ConsentExpired, world.SessionOf(bob).CloseReason);
            Assert.True(bob.IsClosed);
            Assert.True(bob.VideoPlayback.SaidGoodbye);
            Assert.True(alice.IsConnected);
            Assert.Equal(1, world.Server.PeerCount);
            Assert.Equal(0, world.Server.Count(SfuCounter.StunRejected));
        }
    }

    [Fact]
    public void An_address_may_pass_to_another_client_before_the_server_knows_that_the_first_is_gone()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed, shardCount: 3);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            world.Run(1);
            bob.Vanish();
            world.Remove(bob);
            SimulatedClient carol = world.Add(ClientOffer.Subscriber());
            carol.Rebind(bob.Address);
            world.Join(carol, "carol", V100.Sfu.Sdp.SessionRole.Subscribe, "alice");
            world.RunUntilConnected(10);
            world.Run(40);
            Assert.Equal(PeerCloseReason.ConsentExpired, world.SessionOf(bob).CloseReason);
            world.Run(10);
            world.Settle();
            PlaybackChecks.IsTrue(carol.VideoPlayback);
            PlaybackChecks.IsTrue(carol.AudioPlayback);
            Assert.Equal(alice.Video.Number - 1, carol.VideoPlayback.Packets.Values.Last().Mark.Number);
            Assert.Equal(2, world.Server.PeerCount);
        }
    }

    [Fact]
    public void Consent_survives_checks_of_which_half_are_lost()
    {
        foreach (int seed in Seed.Each(output, count: 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(configure: client => client.Video.MaxPacketsPerFrame = 1);
            SimulatedClient bob = world.Subscribe();
            world.RunUntilConnected();
            int checks = 0;
            world.Network.Admits = packet => !packet.IsStun || ++checks % 2 == 0;
            world.Run(60);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.IsWhole(bob.AudioPlayback);
            Assert.True(alice.IsConnected && bob.IsConnected);
        }
    }

    private const V100.Net.Crypto.DtlsState DtlsUp = V100.Net.Crypto.DtlsState.Established;
}
