using System.Net;
using System.Runtime;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Server.Connections;
using V100.Server.Workers;
using V100.Sfu.Peers;
using V100.Stun;
using V100.Turn;

namespace V100.Server.Tests.Workers;

/// <summary>
/// A packet through the relay costs no managed memory, whatever carries it: a client and its peer with real sockets, a worker with its
/// own thread, and all that this thread allocated in its turns.
/// </summary>
[Collection(GarbageCollections.Alone)]
public sealed class RelayAllocationTests : IDisposable
{
    private const int WarmUpRounds = 300;
    private const int MeasuredRounds = 1000;
    private const int MaxMeasurements = 5;

    /// <summary>More than what other threads of the test host allocate meanwhile.</summary>
    private const long NoCollectionBytes = 64 * 1024 * 1024;

    private readonly UdpWorkerSet _workers = new(1, new UdpOptions { Addresses = [IPAddress.Loopback] });
    private readonly DtlsContext _dtls = new(DtlsCertificate.Create());
    private readonly ConnectionTable _table = new(new ConnectionLimits(), 1, new ManualTime());
    private readonly WorkerDriver _driver;
    private readonly Counting _counting;
    private readonly RelayedClient _client;

    public RelayAllocationTests()
    {
        Instant now = MonotonicClock.Now;
        UdpWorker worker = _workers.Workers[0];
        TurnSettings settings = new()
        {
            Credentials = new TurnCredentials("example", [new(RelayedClient.User, RelayedClient.Password)]),
            Peers = new PeerPolicy(new PeerRules { Allowed = [IPNetwork.Parse("127.0.0.0/8")] }),
            RelayAddresses = [new RelayAddress(TransportAddress.FromIPv4(0x7F000001, 0))],
            UnauthenticatedAnswersPerSecond = 0,
        };
        WorkerCommons commons = new(
            new ShardLinks(1), new PeerDirectory(), _dtls, new TurnServer(settings, 1, new SystemEntropy(), 0, now), new WorkerLinks<TurnMessage>(1, 16), _table,
            new MailboxSink([worker.Wakeable]), 0, 0, System.Threading.Channels.Channel.CreateBounded<PeerEvent>(1).Writer);
        _driver = new WorkerDriver(worker, commons, now);
        _counting = new Counting(_driver);
        _workers.Start(_ => _counting);
        _client = new RelayedClient(worker.Port);
    }

    public void Dispose()
    {
        _client.Dispose();
        _workers.Dispose();
        _driver.Dispose();
        _dtls.Dispose();
        _table.Dispose();
    }

    [Fact]
    public void An_allocation_would_be_seen()
    {
        _client.Open(channel: true);
        byte[] message = RelayedClient.ChannelData(100);
        _counting.Wastes = true;
        Assert.True(Measure(() => Assert.Equal(100, _client.Up(message))) >= MeasuredRounds);
        Assert.True(_counting.Wasted >= MeasuredRounds);
        Assert.Equal(1, _counting.LastWaste);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(160)]
    [InlineData(1201)]
    public void A_channel_both_ways_allocates_nothing(int length)
    {
        _client.Open(channel: true);
        byte[] message = RelayedClient.ChannelData(length);
        byte[] payload = new byte[length];
        Assert.Equal(0, Measure(() =>
        {
            Assert.Equal(length, _client.Up(message));
            Assert.Equal(4 + length, _client.Down(payload));
        }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(160)]
    [InlineData(1201)]
    public void Send_and_Data_indications_allocate_nothing(int length)
    {
        _client.Open(channel: false);
        byte[] message = _client.SendIndication(length);
        byte[] payload = new byte[length];
        Assert.Equal(0, Measure(() =>
        {
            Assert.Equal(length, _client.Up(message));
            Assert.True(_client.Down(payload) > length);
        }));
    }

    [Fact]
    public void Requests_that_keep_an_allocation_alive_allocate_nothing()
    {
        _client.Open(channel: true);
        byte[][] requests =
        [
            _client.Request(StunMethod.Refresh), _client.Request(StunMethod.CreatePermission), _client.Request(StunMethod.ChannelBind),
            _client.Request(StunMethod.Binding, signs: false),
        ];
        Assert.Equal(0, Measure(() =>
        {
            foreach (byte[] request in requests)
            {
                Assert.True(_client.Ask(request).Type.Class == StunClass.Success);
            }
        }));
    }

    [Fact]
    public void What_is_refused_or_dropped_allocates_nothing()
    {
        _client.Open(channel: false);
        byte[] forged = _client.Request(StunMethod.Refresh);
        forged[^1] ^= 1;
        byte[] unbound = RelayedClient.ChannelData(100);
        byte[] challenged = _client.Request(StunMethod.Allocate, signs: false);
        byte[] binding = _client.Request(StunMethod.Binding, signs: false);
        Assert.Equal(0, Measure(
            () =>
            {
                Assert.True(_client.Ask(forged).Type.Class == StunClass.Error);
                Assert.True(_client.Ask(challenged).Type.Class == StunClass.Error);
                _client.Send(unbound);
                Assert.True(_client.Ask(binding).Type.Class == StunClass.Success);
            },
            rounds: WarmUpRounds));
    }

    /// <summary>
    /// What the worker's thread allocates while a round is repeated, having seen it often before. The runtime compiled just in time allocates
    /// 32 bytes when a function of the system is called for the first time, as that which reads the error of a wait that a signal ended: that is in one
    /// measurement, and what a packet costs is in all.
    /// </summary>
    private long Measure(Action round, int rounds = MeasuredRounds)
    {
        for (int index = 0; index < WarmUpRounds; index++)
        {
            round();
        }

        long least = long.MaxValue;
        for (int measurement = 0; measurement < MaxMeasurements && least > 0; measurement++)
        {
            // A collection takes the rest of the thread's allocation area from it, and the count takes that for allocated.
            Assert.True(GC.TryStartNoGCRegion(NoCollectionBytes));
            int collections = GC.CollectionCount(0);
            long before = AllocatedNow();
            for (int index = 0; index < rounds; index++)
            {
                round();
            }

            long allocated = AllocatedNow() - before;
            least = GC.CollectionCount(0) == collections ? Math.Min(least, allocated) : least;
            if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
            {
                GC.EndNoGCRegion();
            }
        }

        Assert.NotEqual(long.MaxValue, least);
        return least;
    }

    /// <summary>An answer comes out of a turn's end: behind two of them, every turn of what went before has been counted.</summary>
    private long AllocatedNow()
    {
        byte[] binding = _client.Request(StunMethod.Binding, signs: false);
        for (int answers = 0; answers < 2; answers++)
        {
            Assert.True(_client.Ask(binding).Type.Class == StunClass.Success);
        }

        return _counting.AllocatedBytes;
    }

    /// <summary>Passes everything on, and says what its thread has allocated so far.</summary>
    private sealed class Counting(WorkerDriver driver) : IWorkerDriver
    {
        private long _allocatedBytes;
        private byte[] _waste = [];

        public long AllocatedBytes => Volatile.Read(ref _allocatedBytes);

        public bool Wastes { get; set; }

        public int Wasted { get; private set; }

        public int LastWaste => _waste.Length;

        public Instant NextDeadline => driver.NextDeadline;

        public void HandleDatagram(in Datagram datagram, Instant now)
        {
            if (Wastes)
            {
                // Kept, or the compiler finds that nobody needs it on the heap.
                _waste = new byte[1];
                Wasted++;
            }

            driver.HandleDatagram(in datagram, now);
        }

        public void EndReceive(Instant now) => driver.EndReceive(now);

        public void HandlePathError(in TransportAddress local, in PathError error, Instant now) => driver.HandlePathError(in local, in error, now);

        public bool HandleMessages(Instant now) => driver.HandleMessages(now);

        public void HandleDeadline(Instant now) => driver.HandleDeadline(now);

        public void EndTurn(Instant now)
        {
            driver.EndTurn(now);
            Volatile.Write(ref _allocatedBytes, GC.GetAllocatedBytesForCurrentThread());
        }
    }
}
