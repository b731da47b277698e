using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using V100.Net;
using V100.Server.Control;
using V100.Stun;

namespace V100.Server.Connections;

/// <summary>
/// The open connections of clients: bounded in all and for each source, found by number without a lock, and watched for their deadlines.
/// </summary>
/// <remarks>
/// A number is a place in the table and how often the place was given out, so that the number of a connection that is gone finds nothing.
/// It is never 0.
/// </remarks>
internal sealed class ConnectionTable : IDisposable
{
    /// <summary>How late a deadline may be noticed.</summary>
    public static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);

    /// <summary>Blocks that all outbound queues may hold together: 96 MiB.</summary>
    private const int MaxOutboundBlocks = 65_536;

    /// <summary>The type of a Data indication (RFC 8656, 11.4 and 17).</summary>
    private const int DataIndication = 0x17;

    private readonly Lock _gate = new();
    private readonly ClientConnection?[] _places;
    private readonly uint[] _generations;
    private readonly int _placeBits;
    private readonly Queue<int> _free = new();
    private readonly Dictionary<UInt128, int> _bySource = [];
    private readonly int[] _byWorker;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly ITimer _sweeper;
    private int _unusedPlaces;
    private int _count;
    private int _secured;
    private bool _stopping;

    /// <param name="limits">The bounds.</param>
    /// <param name="workers">How many workers share the connections.</param>
    /// <param name="time">For deadlines.</param>
    public ConnectionTable(ConnectionLimits limits, int workers, TimeProvider time)
    {
        Limits = limits;
        _time = time;
        _origin = time.GetTimestamp();
        _places = new ClientConnection?[limits.MaxConnections];
        _generations = new uint[limits.MaxConnections];
        _placeBits = Math.Max(1, BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)limits.MaxConnections)));
        _byWorker = new int[workers];
        Outbound = new BlockPool(MaxOutboundBlocks);
        _sweeper = time.CreateTimer(static table => ((ConnectionTable)table!).Sweep(), this, SweepInterval, Timeout.InfiniteTimeSpan);
    }

    public ConnectionLimits Limits { get; }
    public ConnectionCounters Counters { get; } = new();
    public BlockPool Outbound { get; }

    /// <summary>Open now.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Monotonic, from the table's beginning.</summary>
    public TimeSpan Now => _time.GetElapsedTime(_origin);

    public TimeProvider Time => _time;

    /// <summary>Any thread, without a lock. False when the connection of this number is gone.</summary>
    /// <param name="number"><see cref="TransportAddress.Connection"/>.</param>
    /// <param name="connection">Whom it reaches.</param>
    public bool TryGet(uint number, [MaybeNullWhen(false)] out ClientConnection connection)
    {
        uint place = number & ((1u << _placeBits) - 1);
        connection = place < (uint)_places.Length ? Volatile.Read(ref _places[place]) : null;
        if (connection?.Number == number)
        {
            return true;
        }

        connection = null;
        return false;
    }

    /// <summary>Any thread: <see cref="ClientConnection.TrySend"/> to the connection that the address names; false when it is gone.</summary>
    public bool TrySend(in TransportAddress remote, ReadOnlySpan<byte> packet, bool isMedia) =>
        TryGet(remote.Connection, out ClientConnection? connection) && connection.TrySend(packet, isMedia);

    /// <summary>The same for a packet that says itself whether it may be lost (<see cref="MayBeLost"/>).</summary>
    public bool TrySend(in TransportAddress remote, ReadOnlySpan<byte> packet) => TrySend(remote, packet, MayBeLost(packet));

    /// <summary>
    /// Media, and what TURN relays of datagrams: ChannelData and Data indications. STUN answers and DTLS of this server's own are not: their senders
    /// count on a transport that loses nothing.
    /// </summary>
    public static bool MayBeLost(ReadOnlySpan<byte> packet) => PacketDemux.Classify(packet) switch
    {
        PacketKind.Rtp or PacketKind.Rtcp or PacketKind.ChannelData => true,
        PacketKind.Stun => packet[0] == 0 && packet[1] == DataIndication,
        _ => false,
    };

    /// <summary>Takes a connection in, or refuses it for the bound or since the server stops.</summary>
    /// <param name="make">Makes it from its number and its worker's index.</param>
    /// <param name="connection">The connection; it counts until <see cref="Remove"/>.</param>
    public ConnectionCloseReason TryAdd(Func<uint, int, ClientConnection> make, out ClientConnection? connection)
    {
        connection = null;
        lock (_gate)
        {
            if (_stopping || _count == _places.Length)
            {
                return _stopping ? ConnectionCloseReason.Stopping : ConnectionCloseReason.Limit;
            }

            // The place that was left the longest ago.
            int place = _unusedPlaces < _places.Length ? _unusedPlaces++ : _free.Dequeue();
            uint lastGeneration = uint.MaxValue >> _placeBits;
            _generations[place] = _generations[place] % lastGeneration + 1;
            int worker = LeastLoaded();
            _byWorker[worker]++;
            connection = make(_generations[place] << _placeBits | (uint)place, worker);
            Volatile.Write(ref _places[place], connection);
            Volatile.Write(ref _count, _count + 1);
        }

        return ConnectionCloseReason.None;
    }

    /// <summary>Counts the connection for its source; false when that has too many.</summary>
    public bool TryClaim(in TransportAddress source)
    {
        UInt128 key = SourceOf(source);
        lock (_gate)
        {
            int count = _bySource.GetValueOrDefault(key);
            if (count >= Limits.MaxConnectionsPerAddress)
            {
                return false;
            }

            _bySource[key] = count + 1;
            return true;
        }
    }

    /// <summary>Counts connections over TLS, up and down.</summary>
    public void CountSecured(int change) => Interlocked.Add(ref _secured, change);

    /// <param name="connection">A connection of this table, whose number finds nothing from now on.</param>
    /// <param name="claimed">Its source, where <see cref="TryClaim"/> counted it.</param>
    public void Remove(ClientConnection connection, in TransportAddress? claimed)
    {
        int place = (int)(connection.Number & ((1u << _placeBits) - 1));
        lock (_gate)
        {
            Debug.Assert(ReferenceEquals(_places[place], connection));
            Volatile.Write(ref _places[place], null);
            _free.Enqueue(place);
            _byWorker[connection.Worker]--;
            Volatile.Write(ref _count, _count - 1);
            if (claimed is not { } source)
            {
                return;
            }

            UInt128 key = SourceOf(source);
            int left = _bySource[key] - 1;
            if (left > 0)
            {
                _bySource[key] = left;
            }
            else
            {
                _bySource.Remove(key);
            }
        }
    }

    /// <summary>Closes every connection and takes no more.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
        }

        for (int place = 0; place < _places.Length; place++)
        {
            Volatile.Read(ref _places[place])?.Close(ConnectionCloseReason.Stopping);
        }
    }

    public IEnumerable<MetricSample> Collect()
    {
        yield return new("v100_tcp_connections", "Connections of clients over TCP and TLS now.", MetricKind.Gauge, "", Count);
        yield return new("v100_tcp_tls_connections", "Of these, over TLS.", MetricKind.Gauge, "", Volatile.Read(ref _secured));
        yield return new("v100_tcp_queued_blocks", "Blocks of 1,536 bytes with packets that wait to be written.", MetricKind.Gauge, "", Outbound.InUse);
        yield return new("v100_tcp_queue_memory_bytes", "Memory that was made for these.", MetricKind.Gauge, "", Outbound.AllocatedBytes);
        foreach (MetricSample sample in Counters.Collect())
        {
            yield return sample;
        }
    }

    public void Dispose() => _sweeper.Dispose();

    private void Sweep()
    {
        TimeSpan now = Now;
        for (int place = 0; place < Volatile.Read(ref _unusedPlaces); place++)
        {
            Volatile.Read(ref _places[place])?.CheckDeadlines(now);
        }

        _sweeper.Change(SweepInterval, Timeout.InfiniteTimeSpan);
    }

    private int LeastLoaded()
    {
        int least = 0;
        for (int worker = 1; worker < _byWorker.Length; worker++)
        {
            least = _byWorker[worker] < _byWorker[least] ? worker : least;
        }

        return least;
    }

    /// <summary>What counts as one source: a subscriber's IPv6 network is a /64 at the least.</summary>
    public static UInt128 SourceOf(in TransportAddress source) => source.IsIPv4 ? source.Value : source.Value >> 64 << 64;
}
