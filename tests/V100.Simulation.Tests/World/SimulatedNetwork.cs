using V100.Net;

namespace V100.Simulation.World;

/// <summary>
/// Packets between clients and one server: lost, delayed, overtaken, doubled and queued as the path's conditions say, by a seed.
/// It has no clock and no thread of its own: <see cref="Send"/> packets, and at <see cref="NextDelivery"/> take them out.
/// </summary>
internal sealed class SimulatedNetwork(int seed)
{
    /// <summary>Of IP and UDP: a link's rate has to carry them too.</summary>
    private const int HeaderBytes = 28;

    private readonly Random _random = new(seed);
    private readonly PriorityQueue<SimulatedPacket, (Instant At, long Order)> _onTheWay = new();
    private readonly Dictionary<TransportAddress, LinkConditions> _up = [];
    private readonly Dictionary<TransportAddress, LinkConditions> _down = [];
    private readonly Dictionary<(TransportAddress, bool), Instant> _busyUntil = [];
    private long _order;

    /// <summary>Looks at each packet before the link does; where it says false, the packet is lost.</summary>
    public Func<SimulatedPacket, bool>? Admits { get; set; }

    /// <summary>What a packet waits in addition to its link.</summary>
    public Func<SimulatedPacket, TimeSpan>? ExtraDelay { get; set; }

    /// <summary>Sees every packet that was sent, the lost ones too.</summary>
    public Action<SimulatedPacket>? Tap { get; set; }

    public LinkConditions Default { get; set; } = LinkConditions.Good;
    public long LostCount { get; private set; }

    public Instant NextDelivery => _onTheWay.TryPeek(out _, out (Instant At, long) next) ? next.At : Instant.Never;

    /// <summary>Sets both directions of a client's path.</summary>
    public void SetPath(TransportAddress client, LinkConditions up, LinkConditions down)
    {
        _up[client] = up;
        _down[client] = down;
    }

    /// <summary>All paths are good from now on, and nothing stands in the way.</summary>
    public void Heal()
    {
        _up.Clear();
        _down.Clear();
        Default = LinkConditions.Good;
        Admits = null;
        ExtraDelay = null;
    }

    public void Send(ReadOnlySpan<byte> bytes, in TransportAddress from, in TransportAddress to, Instant now)
    {
        var packet = new SimulatedPacket(bytes.ToArray(), from, to);
        Tap?.Invoke(packet);
        bool isUp = to == SimulatedServer.Address;
        LinkConditions link = (isUp ? _up : _down).GetValueOrDefault(isUp ? from : to, Default);
        if (Admits?.Invoke(packet) == false || _random.NextDouble() < link.Loss || !TryQueue(packet, link, isUp, now, out Instant sentAt))
        {
            LostCount++;
            return;
        }

        Deliver(packet, link, sentAt);
        if (_random.NextDouble() < link.Duplication)
        {
            Deliver(packet with { Bytes = [.. packet.Bytes] }, link, sentAt);
        }
    }

    public bool TryDeliver(Instant now, out SimulatedPacket packet)
    {
        bool due = NextDelivery <= now;
        packet = due ? _onTheWay.Dequeue() : null!;
        return due;
    }

    private bool TryQueue(SimulatedPacket packet, LinkConditions link, bool isUp, Instant now, out Instant sentAt)
    {
        sentAt = now;
        if (link.RateBps == 0)
        {
            return true;
        }

        (TransportAddress, bool) key = (isUp ? packet.From : packet.To, isUp);
        Instant free = _busyUntil.GetValueOrDefault(key, now);
        free = free > now ? free : now;
        Instant begins = free - TimeSpan.FromSeconds(link.BurstBytes * 8.0 / link.RateBps);
        int bytes = packet.Bytes.Length + HeaderBytes;
        if ((begins - now).TotalSeconds * link.RateBps / 8 + bytes > link.QueueBytes)
        {
            return false;
        }

        TimeSpan takes = TimeSpan.FromSeconds(bytes * 8.0 / link.RateBps);
        _busyUntil[key] = free + takes;
        sentAt = begins + takes > now ? begins + takes : now;
        return true;
    }

    private void Deliver(SimulatedPacket packet, LinkConditions link, Instant sentAt)
    {
        Instant at = sentAt + link.Delay + link.Jitter * _random.NextDouble() + (ExtraDelay?.Invoke(packet) ?? TimeSpan.Zero);
        _onTheWay.Enqueue(packet, (at, _order++));
    }
}
