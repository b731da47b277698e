using System.Diagnostics;
using System.Runtime.InteropServices;
using V100.Net;
using V100.Net.Crypto;
using V100.Server.Connections;

namespace V100.Server.Workers;

/// <summary>What one worker counts of clients over DTLS, besides what their packets count.</summary>
internal enum DtlsClientCounter
{
    /// <summary>Hellos answered with a cookie, at no cost of memory.</summary>
    CookiesSent,
    SessionsBegun,
    SessionsFailed,
    SessionsEnded,

    /// <summary>No packet for <see cref="DtlsClients.IdleTimeout"/>.</summary>
    SessionsIdle,

    /// <summary>At the bound of sessions.</summary>
    DroppedNoRoom,

    /// <summary>At the bound of sessions of one address.</summary>
    DroppedAddressLimit,

    /// <summary>For a session that is gone, or not established.</summary>
    DroppedNoSession,
    DroppedNotDtls,

    /// <summary>For a record, on its way to a client.</summary>
    DroppedTooLong,
}

/// <summary>Gets what clients say over DTLS.</summary>
internal interface IDtlsInlet
{
    /// <param name="remote">The client, with protocol and session number.</param>
    /// <param name="local">The address of this machine that it reached.</param>
    /// <param name="packet">Valid during the call.</param>
    /// <param name="now">The time.</param>
    void HandlePacket(in TransportAddress remote, in TransportAddress local, Span<byte> packet, Instant now);

    void HandleEnd(in TransportAddress remote, in TransportAddress local, Instant now);

    /// <summary>Whether something lives that the session carries.</summary>
    bool IsServed(in TransportAddress remote, in TransportAddress local);
}

/// <summary>
/// The DTLS sessions of one worker's clients (RFC 7350). A session exists only for an address that has sent a cookie back; there are at
/// most <see cref="MaxSessions"/>, of one source no more than it may have connections, and one that is silent ends. The worker's thread alone calls it.
/// </summary>
internal sealed class DtlsClients : IDisposable
{
    public const int MaxSessions = 20_000;

    /// <summary>Longer than clients wait between two refreshes of an allocation, which is half of its life at the most.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(11);

    /// <summary>The same for a session without an allocation.</summary>
    public static readonly TimeSpan UnservedIdleTimeout = TimeSpan.FromSeconds(10);

    private readonly IDtlsInlet _inlet;
    private readonly TransmitBatch _records;
    private readonly DtlsListener _listener = new(new SystemEntropy());
    private readonly Dictionary<TransportAddress, Client> _byAddress = [];
    private readonly Dictionary<UInt128, int> _bySource = [];
    private readonly int _maxPerSource;
    private readonly TimerWheel _wheel;
    private readonly byte[] _packet = new byte[DtlsPacketAssociation.MaxPacketLength];
    private readonly uint _numberBase;
    private DtlsServerContext? _context;
    private uint _lastNumber;

    private sealed class Client
    {
        public Client(DtlsServerSession session, in TransportAddress remote, in TransportAddress local)
        {
            Session = session;
            Remote = remote;
            Local = local;
            Timer = new TimerNode(this);
        }

        public DtlsServerSession Session { get; }
        public TransportAddress Remote { get; }
        public TransportAddress Local { get; }
        public TimerNode Timer { get; }
    }

    /// <param name="index">The worker's, so that numbers of sessions differ between workers.</param>
    /// <param name="sockets">Where records go.</param>
    /// <param name="inlet">Where packets go.</param>
    /// <param name="maxPerSource">Sessions of one address, or of one /64 of IPv6.</param>
    /// <param name="now">The time at the start.</param>
    public DtlsClients(int index, IPacketTransmitter sockets, IDtlsInlet inlet, int maxPerSource, Instant now)
    {
        _maxPerSource = maxPerSource;
        _numberBase = (uint)index << 24;
        _records = new TransmitBatch(sockets, 256);
        _inlet = inlet;
        _wheel = new TimerWheel(now);
    }

    public CounterBlock<DtlsClientCounter> Counters { get; } = new();

    /// <summary>Any thread may read.</summary>
    public int Count => _byAddress.Count;

    public Instant NextDeadline => _wheel.NextDeadline;

    /// <summary>The certificate of sessions that begin from now on; any thread.</summary>
    public void Use(DtlsServerContext context) => Volatile.Write(ref _context, context);

    public void HandleDatagram(in Datagram datagram, Instant now)
    {
        _byAddress.TryGetValue(datagram.Remote, out Client? client);
        Span<byte> response = stackalloc byte[DtlsListener.MaxResponseLength];
        switch (_listener.Examine(datagram.Bytes, client?.Session, datagram.Remote, now, response, out int length))
        {
            case DtlsVerdict.Answer:
                response[..length].CopyTo(_records.Reserve(datagram.Remote, datagram.Local, length));
                _records.Commit(length);
                Counters.Increment(DtlsClientCounter.CookiesSent);
                break;
            case DtlsVerdict.Begin:
                Begin(client, in datagram, now);
                break;
            case DtlsVerdict.Deliver:
                client!.Session.HandleDatagram(datagram.Bytes, now);
                After(client, now);
                break;
            default:
                Counters.Increment(DtlsClientCounter.DroppedNotDtls);
                break;
        }
    }

    /// <summary>Encrypts one packet to a client; false when its session is gone.</summary>
    public bool TrySend(in TransportAddress remote, ReadOnlySpan<byte> packet, Instant now)
    {
        // What a peer sends may be as long as a datagram can be.
        if (packet.Length > DtlsPacketAssociation.MaxPacketLength)
        {
            Counters.Increment(DtlsClientCounter.DroppedTooLong);
            return false;
        }

        if (_byAddress.TryGetValue(remote.OverUdp(), out Client? client) && client.Remote == remote)
        {
            Span<byte> datagram = _records.Reserve(remote.OverUdp(), client.Local, packet.Length + DtlsPacketAssociation.MaxOverhead);
            if (client.Session.TryWritePacket(packet, datagram, now, out int length))
            {
                _records.Commit(length);
                return true;
            }
        }

        Counters.Increment(DtlsClientCounter.DroppedNoSession);
        return false;
    }

    public void HandleDeadline(Instant now)
    {
        while (_wheel.TryExpire(now, out TimerNode node))
        {
            var client = (Client)node.Owner;
            if (client.Session.State == DtlsState.Established && now - client.Session.LastReceivedAt >= IdleTimeoutOf(client))
            {
                Counters.Increment(DtlsClientCounter.SessionsIdle);
                client.Session.Close();
            }
            else
            {
                client.Session.HandleDeadline(now);
            }

            After(client, now);
        }
    }

    public void Flush() => _records.Flush();

    private void Begin(Client? former, in Datagram datagram, Instant now)
    {
        if (former is not null)
        {
            End(former, now);
        }

        if (_byAddress.Count >= MaxSessions || Volatile.Read(ref _context) is not { } context)
        {
            Counters.Increment(DtlsClientCounter.DroppedNoRoom);
            return;
        }

        ref int sessions = ref CollectionsMarshal.GetValueRefOrAddDefault(_bySource, ConnectionTable.SourceOf(datagram.Remote), out _);
        if (sessions >= _maxPerSource)
        {
            Counters.Increment(DtlsClientCounter.DroppedAddressLimit);
            return;
        }

        sessions++;
        Counters.Increment(DtlsClientCounter.SessionsBegun);
        _lastNumber = (_lastNumber + 1) & 0xFF_FFFF;
        var client = new Client(new DtlsServerSession(context), datagram.Remote.Over(TransportProtocol.Dtls, _numberBase | _lastNumber), datagram.Local);
        _byAddress.Add(datagram.Remote, client);
        client.Session.Start(datagram.Bytes, now);
        After(client, now);
    }

    /// <summary>What every call of a session is followed by: packets out of it, records out of it, and its end or next deadline.</summary>
    private void After(Client client, Instant now)
    {
        DtlsServerSession session = client.Session;
        while (session.TryReadPacket(_packet, out int length))
        {
            _inlet.HandlePacket(client.Remote, client.Local, _packet.AsSpan(0, length), now);
        }

        while (session.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            datagram.CopyTo(_records.Reserve(client.Remote.OverUdp(), client.Local, datagram.Length));
            _records.Commit(datagram.Length);
        }

        if (session.State is DtlsState.Failed or DtlsState.Closed)
        {
            Counters.Increment(session.State == DtlsState.Failed ? DtlsClientCounter.SessionsFailed : DtlsClientCounter.SessionsEnded);
            End(client, now);
            return;
        }

        Instant idleAt = session.State == DtlsState.Established ? session.LastReceivedAt + UnservedIdleTimeout : Instant.Never;
        if (idleAt <= now)
        {
            // Silent, but served: it is looked at again as often as it could have become unserved.
            idleAt = now + UnservedIdleTimeout;
        }

        Instant deadline = Instant.Earlier(session.NextDeadline, idleAt);
        if (deadline != Instant.Never && (!client.Timer.IsScheduled || deadline < client.Timer.Deadline))
        {
            _wheel.Schedule(client.Timer, deadline);
        }
    }

    private TimeSpan IdleTimeoutOf(Client client) => _inlet.IsServed(client.Remote, client.Local) ? IdleTimeout : UnservedIdleTimeout;

    private void End(Client client, Instant now)
    {
        Debug.Assert(_byAddress[client.Remote.OverUdp()] == client);
        _byAddress.Remove(client.Remote.OverUdp());
        UInt128 source = ConnectionTable.SourceOf(client.Remote);
        if (--CollectionsMarshal.GetValueRefOrNullRef(_bySource, source) == 0)
        {
            _bySource.Remove(source);
        }

        _wheel.Cancel(client.Timer);
        client.Session.Dispose();
        _inlet.HandleEnd(client.Remote, client.Local, now);
    }

    /// <summary>Only after the worker's thread has ended.</summary>
    public void Dispose()
    {
        foreach (Client client in _byAddress.Values)
        {
            client.Session.Dispose();
        }

        _byAddress.Clear();
        _records.Dispose();
    }
}
