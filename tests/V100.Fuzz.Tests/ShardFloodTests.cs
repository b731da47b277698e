using V100.Net;
using V100.Sfu.Ice;
using V100.Sfu.Peers;
using V100.Sfu.Tests.Rtp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Fuzz;

/// <summary>
/// Whole shards under hostile datagrams, from nobody's addresses and from clients' own, beside a call that must not notice. Nothing
/// throws, every datagram is counted once, and at the end nothing is left.
/// </summary>
public sealed class ShardFloodTests(ITestOutputHelper output)
{
    private static readonly int _count = Seeds.Scaled(100_000);

    [Fact]
    public void Strangers_get_nowhere()
    {
        using var siege = new Siege(output);
        siege.Flood(_count, () => (siege.Hostile(), siege.Stranger()));
        Assert.Equal(0, siege.World.Server.Count(SfuCounter.DroppedAuthentication));
        Assert.True(siege.World.Server.Count(SfuCounter.DroppedUnknownFlow) > _count / 10);
        siege.AssertCallIsWhole();
        siege.AssertAccountsAndEnd(output);
    }

    /// <summary>All that someone can send who forges the addresses of a call and has seen its packets, but not its keys.</summary>
    [Fact]
    public void Forged_packets_from_the_callers_addresses_do_not_disturb_the_call()
    {
        using var siege = new Siege(output);
        TransportAddress[] callers = [siege.Alice.Address, siege.Bob.Address];
        siege.Flood(_count, () => (siege.Hostile(), callers[siege.Random.Next(2)]));
        Assert.True(siege.World.Server.Count(SfuCounter.DroppedAuthentication) > _count / 10);
        Assert.True(siege.World.Server.Count(SfuCounter.DroppedReplay) > _count / 1000);
        siege.AssertCallIsWhole();
        siege.AssertAccountsAndEnd(output);
    }

    [Fact]
    public void Authentic_RTP_may_be_anything()
    {
        using var siege = new Siege(output);
        siege.SilenceMallory();
        var media = new HostileMedia(siege.Mallory, siege.Random, siege.Mutator);
        siege.Flood(_count, () => (media.NextRtp(), siege.Mallory.Address));

        // What never gets past the keys, or to the subscriber, tests little.
        Assert.True(siege.World.Server.Count(SfuCounter.RtpReceived) > _count / 2, siege.Ledger.Describe());
        Assert.True(siege.World.Server.Count(SfuCounter.RtpForwarded) > _count / 10, siege.Ledger.Describe());
        siege.AssertCallIsWhole();
        siege.AssertAccountsAndEnd(output);
    }

    [Fact]
    public void Authentic_RTCP_may_be_anything_from_both_ends()
    {
        using var siege = new Siege(output);
        siege.SilenceMallory();
        var publisher = new HostileMedia(siege.Mallory, siege.Random, siege.Mutator);
        var subscriber = new HostileMedia(siege.Eve, siege.Random, siege.Mutator);
        siege.Flood(_count, () => siege.Random.Next(3) switch
        {
            0 => (publisher.NextRtp(), siege.Mallory.Address),
            1 => (publisher.NextRtcp(), siege.Mallory.Address),
            _ => (subscriber.NextRtcp(), siege.Eve.Address),
        });
        Assert.True(siege.World.Server.Count(SfuCounter.RtcpReceived) > _count / 4, siege.Ledger.Describe());
        Assert.True(siege.World.Server.Count(SfuCounter.RtpRetransmitted) > 0, siege.Ledger.Describe());
        siege.AssertCallIsWhole();
        siege.AssertAccountsAndEnd(output);
    }

    /// <summary>Mallory's checks from everywhere: each valid one is a new pair for a session that may have a few.</summary>
    [Fact]
    public void Authentic_checks_from_everywhere_hold_a_bounded_number_of_addresses()
    {
        using var siege = new Siege(output);
        var checks = new HostileChecks(siege.Mallory, siege.Random);
        int most = 0;
        siege.Flood(_count, () =>
        {
            most = Math.Max(most, siege.World.Server.Peers.AddressCount);
            byte[] bytes = checks.Next();
            return (siege.Random.Next(4) == 0 ? siege.Mutator.Mutate(bytes, siege.Pick()) : bytes, siege.Random.Next(3) == 0 ? siege.Mallory.Address : siege.Stranger());
        });
        Assert.True(siege.World.Server.Count(SfuCounter.StunAnswered) > _count / 20, siege.Ledger.Describe());
        Assert.InRange(most, IceLiteAgent.MaxPairs, IceLiteAgent.MaxPairs + 3);
        siege.AssertCallIsWhole();
        siege.AssertAccountsAndEnd(output);
    }

    /// <summary>A valid check of Mallory's with alice's or bob's address forged: the address is theirs again with their next check.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_address_that_another_session_took_comes_back(bool otherWorker)
    {
        using var siege = new Siege(output);
        if (otherWorker)
        {
            // As after a change of port: what comes from them is handed over to the worker that they began at.
            siege.World.Server.Routing = client => client == siege.Alice.Address ? 1 : client == siege.Bob.Address ? 0 : siege.Random.Next(2);
        }

        var checks = new HostileChecks(siege.Mallory, siege.Random);
        for (int round = 0; round < Seeds.Scaled(6); round++)
        {
            foreach (SimulatedClient victim in (SimulatedClient[])[siege.Alice, siege.Bob])
            {
                siege.Inject(checks.Plain(), victim.Address);
            }

            siege.World.Run(0.1);
            int packets = siege.Bob.VideoPlayback.Packets.Count;
            siege.World.Run(6); // Consent checks come at least every five seconds (RFC 7675, 5.1).
            Assert.True(siege.Bob.VideoPlayback.Packets.Count > packets + 10, $"round {round}: the call has stopped");
        }

        siege.World.Settle();
        PlaybackChecks.IsTrue(siege.Bob.VideoPlayback);
        siege.AssertAccountsAndEnd(output);
    }

    /// <summary>Handshakes that are damaged on the way, by their own client and by what comes from its address besides.</summary>
    [Fact]
    public void Damaged_handshakes_fail_or_succeed_and_leave_nothing()
    {
        using var siege = new Siege(output);
        int connected = 0;
        int count = Seeds.Scaled(120);
        for (int round = 0; round < count; round++)
        {
            SimulatedClient client = siege.World.Publish($"client{round}", client => client.DamagesDtls = Damage);
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

        output.WriteLine($"{connected} of {count} connected");
        siege.AssertCallIsWhole();
        siege.AssertAccountsAndEnd(output);

        byte[] Damage(byte[] bytes) => siege.Random.Next(4) == 0 ? siege.Mutator.Mutate(bytes, siege.Pick()) : bytes;
    }

    [Fact]
    public void A_pool_at_its_bound_drops_and_counts()
    {
        using var siege = new Siege(output, new ShardLimits { MaxPacketBuffers = 256 });
        siege.SilenceMallory();
        var media = new HostileMedia(siege.Mallory, siege.Random, siege.Mutator) { IsOrderly = true };
        siege.Flood(_count / 5, () => (media.NextRtp(), siege.Mallory.Address));
        Assert.True(siege.World.Server.Count(SfuCounter.DroppedNoBuffer) > 0, siege.Ledger.Describe());
        siege.World.Settle();
        PlaybackChecks.IsTrue(siege.Bob.AudioPlayback);
        siege.AssertAccountsAndEnd(output);
    }
}
