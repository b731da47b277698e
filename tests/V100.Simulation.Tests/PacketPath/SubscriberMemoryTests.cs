using System.Runtime.CompilerServices;
using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.PacketPath;

/// <summary>
/// What one subscriber costs the server in managed memory: what comes back when a hundred of them leave. Of OpenSSL nothing stays with an
/// established session; what the process takes besides is measured from outside.
/// </summary>
public sealed class SubscriberMemoryTests(ITestOutputHelper output)
{
    private const int SubscriberCount = 100;
    private const int WarmUpCount = 5;

    /// <summary>Connected, with sound and picture, and a publisher that has sent something and sends nothing more.</summary>
    private const int SilentBytes = 24 * 1024;

    /// <summary>More than 80 packets a second, of which the client reports on each: their history, for two seconds, is a third of it.</summary>
    private const int ActiveBytes = 40 * 1024;

    [Fact]
    public void A_silent_subscriber_costs_no_more_than_its_budget() => AssertCosts(SilentBytes, isActive: false);

    [Fact]
    public void An_active_subscriber_costs_no_more_than_its_budget() => AssertCosts(ActiveBytes, isActive: true);

    [Fact]
    public void What_handshakes_took_is_given_back_once_when_they_are_over()
    {
        var memory = new HandshakeMemory();
        Sweep(memory);
        using (var world = new SimulatedWorld(Seed.One(output)))
        {
            world.Publish();
            world.RunUntilConnected();
            Assert.False(memory.Sweep());
        }

        Assert.False(memory.Sweep());
        Assert.True(memory.Sweep());
        Assert.False(memory.Sweep());
    }

    /// <summary>Until what other tests did is behind.</summary>
    private static void Sweep(HandshakeMemory memory)
    {
        for (int call = 0; call < 2; call++)
        {
            memory.Sweep();
        }
    }

    private void AssertCosts(int limit, bool isActive)
    {
        using var world = new SimulatedWorld(Seed.One(output), shardCount: 1);
        SimulatedClient alice = world.Publish();
        Connect(world, WarmUpCount, "first");
        Connect(world, SubscriberCount, "viewer");
        if (!isActive)
        {
            alice.Publications.ForEach(publication => publication.EndAt(world.Now));
        }

        world.Run(2.5);
        long forwarded = world.Server.Count(SfuCounter.RtpForwarded);
        world.Run(0.5);
        Assert.Equal(isActive, world.Server.Count(SfuCounter.RtpForwarded) - forwarded > 30 * SubscriberCount);

        // From here on the clients do nothing, and keep what they have.
        world.Server.DiscardsOutput = true;
        int peers = world.Server.PeerCount;
        long with = LiveBytes();
        Leave(world, "viewer");
        long without = LiveBytes();
        Assert.Equal(SubscriberCount, peers - world.Server.PeerCount);
        long each = (with - without) / SubscriberCount;
        output.WriteLine($"{each} bytes for each subscriber");
        Assert.InRange(each, limit / 4, limit);
    }

    private static void Connect(SimulatedWorld world, int count, string name)
    {
        for (int index = 0; index < count; index++)
        {
            world.Subscribe($"{name}-{index}", offer: ClientOffer.AdaptiveSubscriber());
        }

        world.RunUntilConnected();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Leave(SimulatedWorld world, string name)
    {
        Instant end = world.Now + TimeSpan.FromSeconds(1);
        foreach (SimulatedClient client in world.Clients)
        {
            if (world.SessionOf(client).Participant.Identity.StartsWith(name, StringComparison.Ordinal))
            {
                Session session = world.TakeSession(client);
                world.Server.Use(
                    rooms =>
                    {
                        rooms.Close(session, PeerCloseReason.Requested, world.Now);
                        return true;
                    },
                    world.Now);
            }
        }

        while (world.Server.NextDeadline <= end)
        {
            world.Server.HandleDeadline(world.Server.NextDeadline);
        }

        world.Server.Use(
            rooms =>
            {
                while (rooms.TryPollEvent(out _))
                {
                }

                return true;
            },
            end);
    }

    private static long LiveBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
