using System.Buffers.Binary;
using V100.Net;
using V100.Net.Sockets;
using V100.Stun;

namespace V100.Load;

/// <summary>What flows how, over allocations that are there.</summary>
/// <param name="IsChannel">ChannelData, else Send and Data indications.</param>
/// <param name="Up">From the clients to their peers.</param>
/// <param name="Down">From the peers to their clients.</param>
/// <param name="Size">Bytes of payload, at least <see cref="TurnTraffic.MinSize"/>.</param>
/// <param name="Burst">Packets that a sender sends at a time.</param>
/// <param name="RatePerSecond">Packets of all flows together; 0 sends as long as fewer than <paramref name="Window"/> are under way.</param>
/// <param name="Window">See there.</param>
internal sealed record TurnTrafficShape(bool IsChannel, bool Up, bool Down, int Size, int Burst, int RatePerSecond, int Window);

/// <summary>
/// Sends over the allocations and takes what arrives, each packet with the time of its sending and a number of its own. It never sleeps:
/// what a packet waits for is then the server, and a server that wakes it would pay for that.
/// </summary>
internal sealed class TurnTraffic
{
    /// <summary>The stamp: 8 bytes of time, 4 of the packet's number.</summary>
    public const int MinSize = 16;

    private const int RoundsPerTurn = 8;

    // What the receive buffer of a relayed address holds, with coturn's 128 KiB, of the largest packets.
    private const int MaxFlowWindow = 40;

    // Turns of the schedule that may be made up for when this program comes late.
    private const int MaxLateTurns = 64;

    // A packet that is so late is lost: the server's queues hold some ten milliseconds at most.
    private static readonly TimeSpan _lostAfter = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _drain = TimeSpan.FromMilliseconds(150);

    private readonly TurnNetwork _network;
    private readonly TurnTrafficShape _shape;
    private readonly TurnFlow[] _flows;
    private readonly TurnFlow?[] _upByPeer;
    private readonly TurnFlow?[] _downByClient;
    private readonly int _flowWindow;
    private LatencyHistogram _latency = new();
    private Instant _windowBegan = Instant.Never;
    private Instant _nextAt;
    private int _next;
    private long _inFlight;
    private long _received;
    private long _sent;
    private long _skipped;

    public TurnTraffic(TurnNetwork network, TurnAccount account, TurnClient[] clients, TurnTrafficShape shape)
    {
        _network = network;
        _shape = shape;
        _upByPeer = [.. clients.Select(client => shape.Up ? new TurnFlow(account, client, shape, isUp: true) : null)];
        _downByClient = [.. clients.Select(client => shape.Down ? new TurnFlow(account, client, shape, isUp: false) : null)];

        // Both directions take turns.
        _flows = [.. _upByPeer.Zip(_downByClient).SelectMany(pair => new[] { pair.First, pair.Second }).OfType<TurnFlow>()];
        _flowWindow = Math.Max(shape.Burst, Math.Min(shape.Window / _flows.Length * 2, MaxFlowWindow));
    }

    /// <summary>Measures, and waits for what is still under way.</summary>
    /// <param name="warmUp">How long it runs before it counts.</param>
    /// <param name="duration">How long it counts.</param>
    /// <param name="readServer">Called as the measured time begins and as it ends.</param>
    public TurnTrafficFigures Measure(TimeSpan warmUp, TimeSpan duration, Func<ServerFigures> readServer)
    {
        _nextAt = MonotonicClock.Now;
        _windowBegan = Instant.Never;
        Run(warmUp, sends: true);

        _latency = new LatencyHistogram();
        _received = _sent = _skipped = 0;
        ServerFigures before = readServer();
        Instant began = MonotonicClock.Now;
        _windowBegan = began;
        TimeSpan idle = Run(duration, sends: true);
        long receivedInTime = _received;
        ServerFigures after = readServer();
        TimeSpan lasted = MonotonicClock.Now - began;
        Run(_drain, sends: false);
        WriteOffAll();
        return new TurnTrafficFigures(_sent, _received, receivedInTime, lasted, idle, _skipped, _latency, after.ProcessorSeconds - before.ProcessorSeconds);
    }

    /// <summary>Returns how long it had nothing to do.</summary>
    private TimeSpan Run(TimeSpan duration, bool sends)
    {
        Instant now = MonotonicClock.Now;
        Instant end = now + duration;
        TimeSpan idle = TimeSpan.Zero;
        while (now < end)
        {
            Instant turnBegan = now;
            bool worked = sends && Send(now);
            worked |= Receive(_network.Clients, _downByClient, hasPrefix: true);
            worked |= Receive(_network.Peers, _upByPeer, hasPrefix: false);
            now = MonotonicClock.Now;
            idle += worked ? TimeSpan.Zero : now - turnBegan;
            if (!sends && _inFlight == 0)
            {
                break;
            }
        }

        return idle;
    }

    private bool Send(Instant now) => _shape.RatePerSecond > 0 ? SendScheduled(now) : SendToFill(now);

    private bool SendScheduled(Instant now)
    {
        bool worked = false;
        TimeSpan interval = TimeSpan.FromSeconds((double)_shape.Burst / _shape.RatePerSecond);
        if (now - _nextAt > interval * MaxLateTurns)
        {
            _skipped += (now - _nextAt).Ticks / interval.Ticks;
            _nextAt = now;
        }

        for (; _nextAt <= now; _nextAt += interval)
        {
            WriteBurst(_flows[_next], now);
            _next = (_next + 1) % _flows.Length;
            _network.Flush();
            worked = true;
        }

        return worked;
    }

    private bool SendToFill(Instant now)
    {
        bool worked = false;
        for (int round = 0; round < RoundsPerTurn; round++)
        {
            bool wrote = false;
            for (int count = 0; count < _flows.Length && _inFlight + _shape.Burst <= _shape.Window; count++)
            {
                TurnFlow flow = _flows[_next];
                _next = (_next + 1) % _flows.Length;
                if (flow.Outstanding + _shape.Burst > _flowWindow && !TryWriteOff(flow, now))
                {
                    continue;
                }

                WriteBurst(flow, now);
                wrote = true;
            }

            if (!wrote)
            {
                break;
            }

            // A second burst of the same sender in one batch would become one message with the first.
            _network.Flush();
            worked = true;
        }

        return worked;
    }

    private void WriteBurst(TurnFlow flow, Instant now)
    {
        TransmitBatch output = flow.IsUp ? _network.ToServer : _network.ToRelays;
        for (int count = 0; count < _shape.Burst; count++)
        {
            flow.Write(output, now);
        }

        _inFlight += _shape.Burst;
        _sent += _shape.Burst;
    }

    private bool TryWriteOff(TurnFlow flow, Instant now)
    {
        if (now - flow.LastActive < _lostAfter)
        {
            return false;
        }

        _inFlight -= flow.WriteOff();
        return true;
    }

    private void WriteOffAll()
    {
        foreach (TurnFlow flow in _flows)
        {
            _inFlight -= flow.WriteOff();
        }
    }

    private bool Receive(UdpSocket socket, TurnFlow?[] flows, bool hasPrefix)
    {
        bool worked = false;
        while (socket.Receive())
        {
            worked = true;
            Instant now = MonotonicClock.Now;
            while (socket.TryRead(out Datagram datagram))
            {
                int index = TurnClient.IndexOf(datagram.Local);
                ReadOnlySpan<byte> payload = datagram.Bytes;
                if ((uint)index < (uint)flows.Length && flows[index] is { } flow && (!hasPrefix || TryUnwrap(ref payload)) && payload.Length == _shape.Size)
                {
                    Take(flow, payload, now);
                }
            }

            if (!socket.MayHaveMore)
            {
                break;
            }
        }

        return worked;
    }

    private void Take(TurnFlow flow, ReadOnlySpan<byte> payload, Instant now)
    {
        var sentAt = new Instant(BinaryPrimitives.ReadInt64LittleEndian(payload));
        _inFlight -= flow.Arrive(BinaryPrimitives.ReadUInt32LittleEndian(payload[sizeof(long)..]), now);
        if (sentAt >= _windowBegan)
        {
            _received++;
            _latency.Add(now.Nanoseconds - sentAt.Nanoseconds);
        }
    }

    private bool TryUnwrap(ref ReadOnlySpan<byte> bytes)
    {
        if (_shape.IsChannel)
        {
            // RFC 8656, 12.4: over UDP padding may follow.
            bool isData = bytes.Length >= 4 && BinaryPrimitives.ReadUInt16BigEndian(bytes) == TurnClient.Channel;
            int length = isData ? BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]) : 0;
            isData = isData && bytes.Length >= 4 + length;
            bytes = isData ? bytes.Slice(4, length) : default;
            return isData;
        }

        return StunReader.TryParse(bytes, out StunReader message) && message.Type.Method == StunMethod.Data && message.TryGet(StunAttributeType.Data, out bytes);
    }
}

/// <summary>One direction of one allocation.</summary>
internal sealed class TurnFlow
{
    private readonly TransportAddress _source;
    private readonly TransportAddress _destination;
    private readonly byte[] _prefix;
    private readonly int _length;
    private uint _sent;
    private uint _settled;

    public TurnFlow(TurnAccount account, TurnClient client, TurnTrafficShape shape, bool isUp)
    {
        IsUp = isUp;
        _source = isUp ? client.Address : client.Peer;
        _destination = isUp ? account.Server : client.Relayed;
        byte[] packet = new byte[shape.Size + 100];
        _length = !isUp ? shape.Size : shape.IsChannel ? shape.Size + 4 : WriteIndication(packet, client, shape.Size);
        if (shape.IsChannel)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet, TurnClient.Channel);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)shape.Size);
        }

        int padded = (shape.Size + 3) & ~3;
        _prefix = !isUp ? [] : packet[..(shape.IsChannel ? 4 : _length - padded)];
    }

    public bool IsUp { get; }

    /// <summary>Sent, and neither arrived nor given up.</summary>
    public uint Outstanding => _sent - _settled;

    /// <summary>When something last went or came, or was given up.</summary>
    public Instant LastActive { get; private set; }

    // The data stand last, so that everything before them is the same in each packet.
    private static int WriteIndication(byte[] packet, TurnClient client, int size)
    {
        var writer = new StunWriter(packet, new StunMessageType(StunMethod.Send, StunClass.Indication), "V100 load   "u8);
        writer.WriteXorAddress(StunAttributeType.XorPeerAddress, client.Peer);
        writer.Write(StunAttributeType.Data, new byte[size]);
        return writer.Finish();
    }

    /// <summary>One packet with its stamp. The rest of the payload is whatever the room held.</summary>
    public void Write(TransmitBatch output, Instant now)
    {
        Span<byte> room = output.Reserve(_destination, _source, _length);
        _prefix.CopyTo(room);
        BinaryPrimitives.WriteInt64LittleEndian(room[_prefix.Length..], now.Nanoseconds);
        BinaryPrimitives.WriteUInt32LittleEndian(room[(_prefix.Length + sizeof(long))..], _sent++);
        output.Commit(_length);
        LastActive = now;
    }

    /// <summary>Says how many packets that settles: the server keeps the order, so those before it are lost.</summary>
    public uint Arrive(uint number, Instant now)
    {
        LastActive = now;
        uint count = number + 1 - _settled;
        if (count > Outstanding)
        {
            // One that had been given up.
            return 0;
        }

        _settled = number + 1;
        return count;
    }

    /// <summary>Gives up what is under way, and says how much that was.</summary>
    public uint WriteOff()
    {
        uint count = Outstanding;
        _settled = _sent;
        return count;
    }
}

/// <param name="Sent">In the measured time.</param>
/// <param name="Received">Of those, also afterwards.</param>
/// <param name="ReceivedInTime">Of those, before its end.</param>
/// <param name="Lasted">The measured time.</param>
/// <param name="Idle">Of it, how long the generator had nothing to do.</param>
/// <param name="Skipped">Turns of the schedule that the generator was too late for.</param>
/// <param name="Latency">From stamp to arrival.</param>
/// <param name="ServerSeconds">Of processor time, in the measured time.</param>
internal sealed record TurnTrafficFigures(
    long Sent, long Received, long ReceivedInTime, TimeSpan Lasted, TimeSpan Idle, long Skipped, LatencyHistogram Latency, double ServerSeconds);
