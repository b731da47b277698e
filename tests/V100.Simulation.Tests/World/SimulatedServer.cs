using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Stun;

namespace V100.Simulation.World;

/// <summary>
/// The control plane and the shards of one server, driven as its workers drive them but on one thread and by the simulated
/// clock. What passes between two of them (rings, mailboxes, events) takes a random while, as between threads.
/// </summary>
internal sealed class SimulatedServer : IDisposable
{
    /// <summary>Turns that one shard may need at one instant; more is a loop that would burn a core.</summary>
    private const int MaxTurnsPerInstant = 1000;

    private static readonly Lazy<DtlsContext> _dtls = new(() => new DtlsContext(DtlsCertificate.Create()));

    private readonly SimulatedNetwork _network;
    private readonly Random _random;
    private readonly Worker[] _workers;
    private readonly Queue<PeerEvent> _events = new();
    private Instant _controlAt = Instant.Never;
    private Instant _now;

    public SimulatedServer(SimulatedNetwork network, int shardCount, int seed, Instant now, ShardLimits? limits = null, RoomLimits? roomLimits = null)
    {
        _network = network;
        _random = new Random(seed);
        var entropy = new SeededEntropy(seed + 1);
        var links = new ShardLinks(shardCount);
        _workers = new Worker[shardCount];
        for (int index = 0; index < shardCount; index++)
        {
            _workers[index] = new Worker(this, links, index, entropy, limits ?? new ShardLimits(), now);
        }

        var transport = new TransportParameters([Address], _dtls.Value.Certificate.Fingerprint, shardCount);
        Rooms = new RoomDirectory(roomLimits ?? new RoomLimits(), transport, Peers, entropy);
    }

    public static TransportAddress Address { get; } = TransportAddress.FromIPv4(0xC0000201, 3478);

    public RoomDirectory Rooms { get; }
    public PeerDirectory Peers { get; } = new();
    public IReadOnlyList<SfuShard> Shards => Array.ConvertAll(_workers, worker => worker.Shard);

    /// <summary>Which shard gets a client's packets; by default a hash of its address, as the kernel chooses.</summary>
    public Func<TransportAddress, int>? Routing { get; set; }

    /// <summary>How long a message between shards, or to the control plane, takes at most.</summary>
    public TimeSpan MaxMessageDelay { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <summary>What the shards send goes nowhere: for tests that count what the server alone does.</summary>
    public bool DiscardsOutput { get; set; }

    public int PeerCount => _workers.Sum(worker => worker.Shard.PeerCount);
    public long BuffersInUse => _workers.Sum(worker => worker.Shard.BuffersInUse);

    public long Count(SfuCounter counter) => _workers.Sum(worker => worker.Shard.Counters.Read(counter));

    public int ShardOf(TransportAddress client) =>
        Routing is { } route ? route(client) : (int)(((client.IPv4 ^ ((uint)client.Port << 13)) * 0x9E37_79B9 >> 8) % (uint)_workers.Length);

    public Instant NextDeadline
    {
        get
        {
            Instant next = Instant.Earlier(_controlAt, Instant.Earlier(Rooms.NextDeadline, Rooms.NextTick));
            foreach (Worker worker in _workers)
            {
                next = Instant.Earlier(next, Instant.Earlier(worker.WakeAt, worker.Shard.NextDeadline));
            }

            return next;
        }
    }

    public void HandleDatagram(SimulatedPacket packet, Instant now)
    {
        _now = now;
        Worker worker = _workers[ShardOf(packet.From)];
        worker.HandleDatagram(new Datagram(packet.Bytes, packet.From, packet.To), now);
        worker.EndTurn();
    }

    public void HandleDeadline(Instant now)
    {
        _now = now;
        foreach (Worker worker in _workers)
        {
            worker.TakeTurn(now);
        }

        if (_controlAt <= now)
        {
            _controlAt = Instant.Never;
            while (_events.TryDequeue(out PeerEvent e))
            {
                Rooms.HandleEvent(in e, now);
            }
        }

        if (Rooms.NextDeadline <= now)
        {
            Rooms.HandleDeadline(now);
        }

        PostCommands(now);
    }

    /// <summary>Uses the rooms as a request to the API does.</summary>
    public T Use<T>(Func<RoomDirectory, T> use, Instant now)
    {
        _now = now;
        T result = use(Rooms);
        PostCommands(now);
        return result;
    }

    private void PostCommands(Instant now)
    {
        while (Rooms.TryPollCommand(out int shard, out ShardCommand command))
        {
            if (shard >= 0)
            {
                _workers[shard].Commands.Enqueue(command);
                _workers[shard].Wake(now);
            }
        }

        if (Rooms.NextTick <= now)
        {
            Rooms.HandleTick(now);
        }

        while (Rooms.TryPollTold(out TickLog told))
        {
            told.WakeListeners();
        }
    }

    private Instant Soon(Instant now) => now + MaxMessageDelay * _random.NextDouble();

    public void Dispose()
    {
        foreach (Worker worker in _workers)
        {
            worker.Dispose();
        }
    }

    private sealed class Worker : IPacketTransmitter, IDisposable
    {
        private readonly SimulatedServer _server;
        private readonly TransmitBatch _output;
        private Instant _lastTurnAt;
        private int _turns;

        public Worker(SimulatedServer server, ShardLinks links, int index, IEntropy entropy, ShardLimits limits, Instant now)
        {
            _server = server;
            _output = new TransmitBatch(this);
            Shard = new SfuShard(index, links, server.Peers, _dtls.Value, _output, entropy, limits, now);
        }

        public SfuShard Shard { get; }
        public Queue<ShardCommand> Commands { get; } = new();
        public Instant WakeAt { get; private set; } = Instant.Never;

        public void Wake(Instant now) => WakeAt = Instant.Earlier(WakeAt, _server.Soon(now));

        public void HandleDatagram(in Datagram datagram, Instant now)
        {
            PacketKind kind = PacketDemux.Classify(datagram.Bytes);
            if (kind is PacketKind.Rtp or PacketKind.Rtcp or PacketKind.Dtls)
            {
                Shard.HandleDatagram(kind, in datagram, now);
            }
            else if (kind == PacketKind.Stun && StunReader.TryParse(datagram.Bytes, out StunReader message))
            {
                HandleStun(in message, in datagram, now);
            }
        }

        private void HandleStun(in StunReader message, in Datagram datagram, Instant now)
        {
            if (message.Has(StunAttributeType.Username))
            {
                Shard.HandleCheck(in message, in datagram, now);
                return;
            }

            Span<byte> response = _output.Reserve(datagram.Remote, datagram.Local, BindingServer.MaxResponseLength);
            int length = BindingServer.Respond(in message, datagram.Remote, response);
            if (length > 0)
            {
                _output.Commit(length);
            }
        }

        public void TakeTurn(Instant now)
        {
            if (WakeAt > now && Shard.NextDeadline > now)
            {
                return;
            }

            _turns = _lastTurnAt == now ? _turns + 1 : 0;
            _lastTurnAt = now;
            if (_turns >= MaxTurnsPerInstant)
            {
                Assert.Fail($"shard {Shard.Index} spins at {now}");
            }

            WakeAt = Instant.Never;
            while (Commands.TryDequeue(out ShardCommand command))
            {
                Shard.HandleCommand(in command, now);
            }

            if (Shard.HandleMessages(now))
            {
                WakeAt = now;
            }

            Shard.HandleDeadline(now);
            EndTurn();
        }

        public void EndTurn()
        {
            _output.Flush();
            while (Shard.TryPollEvent(out PeerEvent e))
            {
                _server._events.Enqueue(e);
                _server._controlAt = Instant.Earlier(_server._controlAt, _server.Soon(_server._now));
            }

            ulong wakeups = Shard.TakeWakeups();
            while (wakeups != 0)
            {
                int shard = System.Numerics.BitOperations.TrailingZeroCount(wakeups);
                wakeups &= wakeups - 1;
                _server._workers[shard].Wake(_server._now);
            }
        }

        public void Transmit(TransmitBatch batch)
        {
            for (int index = 0; index < batch.Count && !_server.DiscardsOutput; index++)
            {
                ReadOnlySpan<byte> packet = batch.GetPacket(index, out TransportAddress remote, out TransportAddress local);
                Assert.Equal(Address, local);
                _server._network.Send(packet, in local, in remote, _server._now);
            }
        }

        public void Dispose()
        {
            Shard.Dispose();
            _output.Dispose();
        }
    }
}
