using System.Runtime;
using V100.Net;
using V100.Simulation.World;

namespace V100.Simulation.PacketPath;

/// <summary>
/// Packets that clients of a connected call send, made beforehand, so that playing them runs the server and nothing else. What the
/// server sends is discarded.
/// </summary>
internal sealed class PacketScript
{
    /// <summary>More than what other threads of the test host allocate meanwhile.</summary>
    private const long NoCollectionBytes = 64 * 1024 * 1024;

    private readonly SimulatedWorld _world;
    private readonly List<(Instant At, SimulatedPacket Packet)> _entries = [];
    private Instant _now;
    private int _played;

    public PacketScript(SimulatedWorld world)
    {
        _world = world;
        _now = world.Now;
        world.Server.DiscardsOutput = true;
        world.Network.Admits = packet =>
        {
            if (packet.To == SimulatedServer.Address && (Keeps is not { } keeps || keeps(packet)))
            {
                _entries.Add((_now, packet));
            }

            return false;
        };
    }

    /// <summary>Which packets reach the server.</summary>
    public Func<SimulatedPacket, bool>? Keeps { get; set; }

    public Instant Now => _now;
    public int Count => _entries.Count;

    /// <summary>Lets all clients do for a while what they do by themselves: frames, reports, checks of consent.</summary>
    public void Drive(TimeSpan duration)
    {
        Instant end = _now + duration;
        while (true)
        {
            SimulatedClient first = _world.Clients.MinBy(client => client.NextDeadline)!;
            if (first.NextDeadline > end)
            {
                break;
            }

            _now = first.NextDeadline > _now ? first.NextDeadline : _now;
            first.HandleDeadline(_now);
        }

        _now = end;
    }

    /// <summary>A datagram of no client.</summary>
    public void Add(byte[] bytes, in TransportAddress from) => _entries.Add((_now, new SimulatedPacket(bytes, from, SimulatedServer.Address)));

    /// <summary>Plays what was added since the last call, and tells how many managed bytes that cost.</summary>
    public long Play()
    {
        // A collection takes the rest of the thread's allocation area from it, and the count takes that for allocated.
        Assert.True(GC.TryStartNoGCRegion(NoCollectionBytes));
        long allocated = PlayCounted(_world.Server);
        Assert.Equal(GCLatencyMode.NoGCRegion, GCSettings.LatencyMode);
        GC.EndNoGCRegion();
        return allocated;
    }

    private long PlayCounted(SimulatedServer server)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (; _played < _entries.Count; _played++)
        {
            (Instant at, SimulatedPacket packet) = _entries[_played];
            PassTime(server, at);
            server.HandleDatagram(packet, at);
        }

        PassTime(server, _now);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void PassTime(SimulatedServer server, Instant until)
    {
        while (server.NextDeadline is var deadline && deadline <= until)
        {
            server.HandleDeadline(deadline);
        }
    }
}
