using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;
using V100.Sfu.Tests.Rtp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Fuzz;

/// <summary>
/// Rounds of hostile sessions on one server: each comes, sends what it likes, and goes. After some rounds all that a server keeps for
/// later is there, and what later rounds add is a leak.
/// </summary>
public sealed class MemoryTests(ITestOutputHelper output)
{
    private const int PerRound = 1000;
    private const int WarmRounds = 10;

    // A round makes six sessions. A leak of one object for each session, or one byte for each datagram, is above these; tables that grow
    // by doubling and the runtime's own are below.
    private const long MaxManagedGrowthBytes = 512 << 10;
    private const long MaxNativeGrowthBytes = 16 << 20;

    [Fact]
    public void Hostile_sessions_leave_no_memory_behind()
    {
        using var world = new SimulatedWorld(Seed.One(output), shardCount: 2);
        // Nobody plays what comes of this: it is not media.
        world.Network.Admits = packet => packet.To == SimulatedServer.Address || !packet.IsMedia || packet.IsRtcp;
        var mutator = new Mutator(world.Random);
        int rounds = Seeds.Scaled(40);
        Figures warm = default;
        for (int round = 0; round < WarmRounds + rounds; round++)
        {
            if (round == WarmRounds)
            {
                warm = Figures.Measure(world.Server);
            }

            RunRound(world, mutator);
        }

        Figures end = Figures.Measure(world.Server);
        output.WriteLine($"after {WarmRounds} rounds {warm}");
        output.WriteLine($"after {rounds} more {end}");
        Assert.True(end.ManagedBytes - warm.ManagedBytes < MaxManagedGrowthBytes, $"{warm} and {end}");
        Assert.True(end.NativeBytes - warm.NativeBytes < MaxNativeGrowthBytes, $"{warm} and {end}");
        Assert.Equal(0, end.BuffersInUse);
        world.AssertEmpty();
    }

    /// <summary>Answered and ended in a moment, while one session waits its half minute for a client that never comes.</summary>
    [Fact]
    public void Sessions_that_end_at_once_leave_no_memory_behind_while_another_waits()
    {
        using var world = new SimulatedWorld(Seed.One(output));
        world.Join(world.Add(ClientOffer.Subscriber()), "nobody", SessionRole.Subscribe);
        JoinAndLeave(world, WarmRounds);
        Figures warm = Figures.Measure(world.Server);
        JoinAndLeave(world, Seeds.Scaled(500));
        Figures end = Figures.Measure(world.Server);
        output.WriteLine($"{warm} and {end}");
        Assert.Equal(1, world.Server.Rooms.SessionCount);
        Assert.True(end.ManagedBytes - warm.ManagedBytes < MaxManagedGrowthBytes, $"{warm} and {end}");
    }

    private static void JoinAndLeave(SimulatedWorld world, int count)
    {
        for (; count > 0; count--)
        {
            SimulatedClient client = world.Add(ClientOffer.Publisher(world.Random));
            Session session = world.Join(client, "mallory", SessionRole.Publish);
            world.Server.Use(rooms => Close(rooms, session, world.Now), world.Now);
            world.Remove(client);
        }

        static bool Close(RoomDirectory rooms, Session session, Instant now)
        {
            rooms.Close(session, PeerCloseReason.Requested, now);
            while (rooms.TryPollEvent(out _))
            {
            }

            return true;
        }
    }

    private static void RunRound(SimulatedWorld world, Mutator mutator)
    {
        Random random = world.Random;
        List<SimulatedClient> clients = [];
        for (int pair = 0; pair < 2; pair++)
        {
            clients.Add(world.Publish($"publisher{pair}"));
            clients.Add(world.Subscribe($"subscriber{pair}", $"publisher{pair}"));
        }

        world.RunUntilConnected();
        SimulatedClient damaged = world.Publish("damaged", client => client.DamagesDtls = bytes => random.Next(2) == 0 ? mutator.Mutate(bytes, bytes) : bytes);
        clients.Add(damaged);
        HostileMedia[] media = [.. clients.Where(client => client.IsConnected).Select(client => new HostileMedia(client, random, mutator))];
        HostileChecks[] checks = [.. clients.Select(client => new HostileChecks(client, random))];
        for (int sent = 0; sent < PerRound; sent++)
        {
            int index = random.Next(media.Length);
            byte[] bytes = random.Next(4) switch
            {
                0 when clients[index].Publications.Count > 0 => media[index].NextRtp(),
                1 => checks[index].Next(),
                2 => mutator.Mutate(Corpus.ClientHellos[random.Next(Corpus.ClientHellos.Length)], Corpus.StunMessages[0]),
                _ => media[index].NextRtcp(),
            };
            world.Server.HandleDatagram(new SimulatedPacket(bytes, clients[index].Address, SimulatedServer.Address), world.Now);
            if (sent % 20 == 0)
            {
                world.Run(0.001);
            }
        }

        Leave(world, clients);
    }

    /// <summary>One says goodbye, the others are gone without a word, and their room after them.</summary>
    private static void Leave(SimulatedWorld world, List<SimulatedClient> clients)
    {
        clients[0].Close(world.Now);
        foreach (SimulatedClient client in clients)
        {
            client.Vanish();
            world.Remove(client);
        }

        world.Run(60);
        while (world.Server.Rooms.TryPollEvent(out _))
        {
        }

        Assert.Equal(0, world.Server.PeerCount);
    }

    /// <summary>What the process and the server hold after a full collection.</summary>
    private readonly record struct Figures(long ManagedBytes, long NativeBytes, long BuffersInUse, int DtlsSessions)
    {
        public static Figures Measure(SimulatedServer server)
        {
            // Twice, with the finalizers between: what they free is managed too.
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            long resident = 1024 * long.Parse(
                File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
                System.Globalization.CultureInfo.InvariantCulture);
            return new Figures(
                GC.GetTotalMemory(forceFullCollection: false), resident - GC.GetGCMemoryInfo().TotalCommittedBytes, server.BuffersInUse, DtlsAssociation.LiveAssociations);
        }
    }
}
