using V100.Net;
using V100.Sfu.Ice;
using V100.Sfu.Peers;
using V100.Sfu.Tests.Rtp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Fuzz;

/// <summary>
/// Whole shards under hostile datagrams, from nobody's addresses and from clients' own, beside a call that must not notice. Nothing
/// throws, every datagram is counted once, and at the end nothing is left. A longer run is more rounds, each a new server.
/// </summary>
public sealed class ShardFloodTests(ITestOutputHelper output)
{
    private const int PerRound = 100_000;

    [Fact]
    public void Strangers_get_nowhere() => Besiege(siege =>
    {
        siege.Flood(PerRound, () => (siege.Hostile(), siege.Stranger()));
        Assert.Equal(0, siege.Count(SfuCounter.DroppedAuthentication));
        Assert.True(siege.Count(SfuCounter.DroppedUnknownFlow) > PerRound / 10);
        siege.AssertCallIsWhole();
    });

    /// <summary>All that someone can send who forges the addresses of a call and has seen its packets, but not its keys.</summary>
    [Fact]
    public void Forged_packets_from_the_callers_addresses_do_not_disturb_the_call() => Besiege(siege =>
    {
        TransportAddress[] callers = [siege.Alice.Address, siege.Bob.Address];
        siege.Flood(PerRound, () => (siege.Hostile(), callers[siege.Random.Next(2)]));
        Assert.True(siege.Count(SfuCounter.DroppedAuthentication) > PerRound / 10);
        Assert.True(siege.Count(SfuCounter.DroppedReplay) > PerRound / 1000);
        siege.AssertCallIsWhole();
    });

    [Fact]
    public void Authentic_RTP_may_be_anything() => Besiege(siege =>
    {
        siege.SilenceMallory();
        var media = new HostileMedia(siege.Mallory, siege.Random, siege.Mutator);
        siege.Flood(PerRound, () => (media.NextRtp(), siege.Mallory.Address));

        // What never gets past the keys, or to the subscriber, tests little.
        Assert.True(siege.Count(SfuCounter.RtpReceived) > PerRound / 2, siege.Ledger.Describe());
        Assert.True(siege.Count(SfuCounter.RtpForwarded) > PerRound / 20, siege.Ledger.Describe());
        siege.AssertCallIsWhole();
    });

    [Fact]
    public void Authentic_RTCP_may_be_anything_from_both_ends() => Besiege(siege =>
    {
        siege.SilenceMallory();
        var publisher = new HostileMedia(siege.Mallory, siege.Random, siege.Mutator);
        var subscriber = new HostileMedia(siege.Eve, siege.Random, siege.Mutator);
        siege.Flood(PerRound, () => siege.Random.Next(3) switch
        {
            0 => (publisher.NextRtp(), siege.Mallory.Address),
            1 => (publisher.NextRtcp(), siege.Mallory.Address),
            _ => (subscriber.NextRtcp(), siege.Eve.Address),
        });
        Assert.True(siege.Count(SfuCounter.RtcpReceived) > PerRound / 4, siege.Ledger.Describe());
        Assert.True(siege.Count(SfuCounter.RtpRetransmitted) > 0, siege.Ledger.Describe());
        siege.AssertCallIsWhole();
    });

    /// <summary>Mallory's checks from everywhere: each valid one is a new pair for a session that may have a few.</summary>
    [Fact]
    public void Authentic_checks_from_everywhere_hold_a_bounded_number_of_addresses() => Besiege(siege =>
    {
        var checks = new HostileChecks(siege.Mallory, siege.Random);
        int most = 0;
        siege.Flood(PerRound, () =>
        {
            most = Math.Max(most, siege.World.Server.Peers.AddressCount);
            byte[] bytes = checks.Next();
            return (siege.Random.Next(4) == 0 ? siege.Mutator.Mutate(bytes, siege.Pick()) : bytes, siege.Random.Next(3) == 0 ? siege.Mallory.Address : siege.Stranger());
        });
        Assert.True(siege.Count(SfuCounter.StunAnswered) > PerRound / 20, siege.Ledger.Describe());
        Assert.InRange(most, IceLiteAgent.MaxPairs, IceLiteAgent.MaxPairs + 3);
        siege.AssertCallIsWhole();
    });

    /// <summary>A valid check of Mallory's with alice's or bob's address forged: the address is theirs again with their next check.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_address_that_another_session_took_comes_back(bool otherWorker) => Besiege(siege =>
    {
        if (otherWorker)
        {
            // As after a change of port: what comes from them is handed over to the worker that they began at.
            siege.World.Server.Routing = client => client == siege.Alice.Address ? 1 : client == siege.Bob.Address ? 0 : siege.Random.Next(2);
        }

        var checks = new HostileChecks(siege.Mallory, siege.Random);
        for (int attack = 0; attack < 6; attack++)
        {
            siege.Inject(checks.Plain(), siege.Alice.Address);
            siege.Inject(checks.Plain(), siege.Bob.Address);
            siege.World.Run(0.1);
            int packets = siege.Bob.VideoPlayback.Packets.Count;
            siege.World.Run(6); // Consent checks come at least every five seconds (RFC 7675, 5.1).
            Assert.True(siege.Bob.VideoPlayback.Packets.Count > packets + 10, $"attack {attack}: the call has stopped");
        }

        siege.World.Settle();
        PlaybackChecks.IsTrue(siege.Bob.VideoPlayback);
    });

    /// <summary>Handshakes that are damaged on the way, by their own client and by what comes from its address besides.</summary>
    [Fact]
    public void Damaged_handshakes_fail_or_succeed_and_leave_nothing() => Besiege(siege =>
    {
        const int count = 120;
        int connected = 0;
        for (int number = 0; number < count; number++)
        {
            SimulatedClient client = siege.World.Publish($"client{number}", client => client.DamagesDtls = Damage);
            for (int turn = 0; turn < 40 && !client.IsConnected; turn++)
            {
                siege.World.Run(0.02);
                byte[] hello = Corpus.ClientHellos[siege.Random.Next(Corpus.ClientHellos.Length)];
                siege.Inject(siege.Random.Next(4) == 0 ? siege.Hostile() : siege.Mutator.Mutate(hello, siege.Pick()), client.Address);
            }

            connected += client.IsConnected ? 1 : 0;
            client.Vanish();
            siege.World.Remove(client);
        }

        Assert.InRange(connected, count / 10, count * 9 / 10);
        siege.AssertCallIsWhole();

        byte[] Damage(byte[] bytes) => siege.Random.Next(4) == 0 ? siege.Mutator.Mutate(bytes, siege.Pick()) : bytes;
    });

    /// <summary>A publisher fills the caches up to the bound of the pool. With its flood the shortage ends: what is old is given back.</summary>
    [Fact]
    public void A_pool_at_its_bound_drops_and_counts_and_recovers() => Besiege(
        siege =>
        {
            siege.SilenceMallory();
            var media = new HostileMedia(siege.Mallory, siege.Random, siege.Mutator) { IsOrderly = true };
            siege.Flood(PerRound / 5, () => (media.NextRtp(), siege.Mallory.Address));
            Assert.True(siege.Count(SfuCounter.DroppedNoBuffer) > 0, siege.Ledger.Describe());
            siege.World.Run(5);
            long dropped = siege.Count(SfuCounter.DroppedNoBuffer);
            int packets = siege.Bob.AudioPlayback.Packets.Count;
            siege.World.Run(2);
            Assert.Equal(dropped, siege.Count(SfuCounter.DroppedNoBuffer));
            Assert.InRange(siege.Bob.AudioPlayback.Packets.Count, packets + 90, packets + 110);
            siege.World.Settle();
            PlaybackChecks.IsTrue(siege.Bob.AudioPlayback);
        },
        new ShardLimits { MaxPacketBuffers = 256 });

    private void Besiege(Action<Siege> attack, ShardLimits? limits = null)
    {
        for (int round = 0; round < Seeds.Scaled(1); round++)
        {
            using var siege = new Siege(output, limits);
            attack(siege);
            siege.AssertAccountsAndEnd(output);
        }
    }
}
