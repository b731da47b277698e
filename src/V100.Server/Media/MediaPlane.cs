using System.Net;
using System.Threading.Channels;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Server.Configuration;
using V100.Server.Connections;
using V100.Server.Workers;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Turn;

namespace V100.Server.Media;

/// <summary>
/// Rooms and workers put together: the control plane's side of the media server. All access to the rooms goes through
/// one lock, which no worker ever takes; workers get commands through their mailboxes and report through one channel.
/// </summary>
internal sealed class MediaPlane : IAsyncDisposable
{
    /// <summary>Events that wait for the control plane; beyond it workers hold theirs back.</summary>
    private const int EventCapacity = 65_536;
    /// <summary>A burst of 100 ms at 80 Mbit/s.</summary>
    private const int SmallBufferBytes = 1 << 20;
    /// <summary>Packets of a relay on their way between two workers: rare, so few.</summary>
    private const int TurnRingCapacity = 256;
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(10);
    /// <summary>Deadlines of rooms are of seconds, and each session has its own: they are met together, or each would wake three threads.</summary>
    private static readonly TimeSpan DeadlineGrain = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(500);

    /// <summary>A wave of handshakes is over when none ended for so long; what it took then goes back.</summary>
    private static readonly TimeSpan HandshakeSweepInterval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly PeerDirectory _peers = new();
    private readonly Channel<PeerEvent> _events;
    private readonly UdpWorkerSet _workers;
    private readonly DtlsContext _dtls;
    private readonly RoomDirectory _rooms;
    private readonly TurnSetup _turnSetup;
    private readonly AllocationRoom _room;
    private readonly int _wantedAllocations;
    private readonly TlsCertificate? _certificate;
    private readonly IReadOnlyList<IPAddress> _addresses;
    private readonly WorkerDriver[] _drivers;
    private readonly List<ShardCommand> _refused = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly TraceWriter _trace;
    private readonly Records? _records;
    private string? _traced;
    private Instant _retryAt = Instant.Never;
    private readonly TickWaker _ticks = new();
    private readonly Timer _tickTimer;
    private readonly HandshakeMemory _handshakeMemory = new();
    private readonly Timer _handshakeSweep;
    private Instant _tickAt = Instant.Never;
    private Task _loop = Task.CompletedTask;
    private ILogger? _log;

    /// <param name="options">The configuration.</param>
    /// <param name="addresses">What candidates show.</param>
    /// <param name="certificate">What DTLS shows to clients of STUN and TURN; null serves none.</param>
    /// <param name="records">Are told of what becomes of rooms; null for nobody.</param>
    /// <exception cref="IOException">An address cannot be bound; none stays bound then.</exception>
    public MediaPlane(ServerOptions options, IReadOnlyList<IPAddress> addresses, TlsCertificate? certificate, Records? records = null)
    {
        AesGcmCipher.Backend = options.SrtpBackend;
        _records = records;
        _certificate = certificate;
        _events = Channel.CreateBounded<PeerEvent>(new BoundedChannelOptions(EventCapacity) { SingleReader = true });
        _dtls = new DtlsContext(DtlsCertificate.Create());
        _workers = OpenSockets(options, certificate?.Datagrams is not null, out ushort dtlsPort);
        DtlsPort = dtlsPort;
        TransportAddress[] candidates = TransportAddress.From(addresses, _workers.Port);
        _rooms = new RoomDirectory(
            new RoomLimits
            {
                MaxRooms = options.MaxRooms,
                MaxParticipantsPerRoom = options.MaxParticipantsPerRoom,
                MaxPublishersPerRoom = options.MaxPublishersPerRoom,
                EmptyTimeout = TimeSpan.FromSeconds(options.EmptyTimeoutSeconds),
                AutoCreate = options.AutoCreateRooms,
                LoudestSpeakers = options.LoudestSpeakers,
                MaxListenersPerRoom = options.MaxEventStreamsPerRoom,
            },
            new TransportParameters(candidates, _dtls.Certificate.Fingerprint, _workers.Workers.Count),
            _peers,
            new SystemEntropy());
        Instant now = MonotonicClock.Now;
        _addresses = addresses;
        _room = AllocationRoom.Make();
        _wantedAllocations = options.TurnUsers.Count + options.TurnSecrets.Count > 0 ? options.TurnMaxAllocations : 0;
        _turnSetup = new TurnSetup(addresses, _workers.Port, _room.Allocations);
        Turn = new TurnServer(_turnSetup.Settings(options), _workers.Workers.Count, new SystemEntropy(), DateTimeOffset.UtcNow.ToUnixTimeSeconds(), now);
        Connections = new ConnectionTable(ConnectionLimits.From(options), _workers.Workers.Count, TimeProvider.System);
        Inboxes = new MailboxSink([.. _workers.Workers.Select(worker => worker.Wakeable)]);
        var commons = new WorkerCommons(
            new ShardLinks(_workers.Workers.Count),
            _peers,
            _dtls,
            Turn,
            new WorkerLinks<TurnMessage>(_workers.Workers.Count, TurnRingCapacity),
            Connections,
            Inboxes,
            DtlsPort,
            (ushort)options.StunDiscoveryPort,
            _events.Writer);
        _drivers = [.. _workers.Workers.Select(worker => new WorkerDriver(worker, commons, now))];
        _trace = new TraceWriter(options.TracePath, [.. _drivers.Select(driver => driver.Shard.Trace)]);
        _traced = options.TraceSession;
        _tickTimer = new Timer(_ => Tick());
        _handshakeSweep = new Timer(_ => SweepHandshakes(), null, HandshakeSweepInterval, Timeout.InfiniteTimeSpan);
        UseCertificate();
    }

    public ushort Port => _workers.Port;
    public UdpWorkerSet Workers => _workers;
    public IReadOnlyList<WorkerDriver> Drivers => _drivers;
    public PeerDirectory Peers => _peers;

    /// <summary>What the relays of all workers share.</summary>
    public TurnServer Turn { get; }

    /// <summary>Clients' connections over TCP and TLS; the server's host owns it.</summary>
    public ConnectionTable Connections { get; }

    /// <summary>Where these connections' messages go.</summary>
    public MailboxSink Inboxes { get; }

    /// <summary>STUN and TURN over DTLS; 0 without a certificate, and where its port is the media's.</summary>
    public ushort DtlsPort { get; }

    /// <summary>Puts reloaded users, secrets, peer rules and the certificate in force; no allocation ends by it.</summary>
    public void Reload(ServerOptions options)
    {
        Turn.Apply(_turnSetup.Settings(options));
        TraceOnly(options.TraceSession);
        UseCertificate();
    }

    /// <summary>Every shared port, or none: a start that fails leaves no socket behind.</summary>
    private static UdpWorkerSet OpenSockets(ServerOptions options, bool servesDtls, out ushort dtlsPort)
    {
        int count = options.UdpWorkers > 0 ? options.UdpWorkers : Math.Min(Environment.ProcessorCount, UdpWorkerSet.MaxWorkers);
        var workers = new UdpWorkerSet(count, new UdpOptions
        {
            Backend = options.UdpBackend,
            Port = (ushort)options.UdpPort,
            Addresses = options.UdpAddresses,
            OwnSockets = options.UdpAddresses.Count > 0 ? [] : LocalAddresses.Now(),
            ReportsFields = true,
            LongestGatherPause = TimeSpan.FromMicroseconds(options.UdpGatherMicroseconds),
            PollPacketsPerSecond = options.UdpPollPacketsPerSecond,
        });
        try
        {
            dtlsPort = servesDtls && options.TlsPort != workers.Port ? OpenAlso(workers, options.TlsPort) : (ushort)0;
            if (options.StunDiscoveryPort > 0)
            {
                OpenAlso(workers, options.StunDiscoveryPort);
            }

            return workers;
        }
        catch
        {
            workers.Dispose();
            throw;
        }
    }

    /// <summary>From now on that session is traced, or all (<c>*</c>), or none.</summary>
    private void TraceOnly(string? traced) => Use((rooms, _) =>
    {
        _traced = traced;
        foreach (Session session in rooms.Sessions)
        {
            Trace(session);
        }

        return rooms.SessionCount;
    });

    private void Trace(Session session)
    {
        string id = session.Id.ToString();
        session.Peer.TraceName = _traced == "*" || _traced == id ? id : null;
        if (session.Peer.TraceName is not null && _log is not null)
        {
            _trace.Start(_log);
        }
    }

    private static ushort OpenAlso(UdpWorkerSet workers, int port)
    {
        ushort opened = (ushort)port;
        foreach (UdpWorker worker in workers.Workers)
        {
            opened = worker.OpenAlso(opened);
        }

        return opened;
    }

    /// <summary>For DTLS sessions that begin from now on.</summary>
    private void UseCertificate()
    {
        if (DtlsPort == 0)
        {
            return;
        }

        foreach (WorkerDriver driver in _drivers)
        {
            driver.DtlsClients.Use(_certificate!.Datagrams!);
        }
    }

    /// <summary>Starts the worker threads and the control loop.</summary>
    public void Start(ILogger log)
    {
        _log = log;
        LogSockets(log);
        if (_wantedAllocations > _room.Allocations)
        {
            ServerLog.FewDescriptors(log, _room.Allocations, _wantedAllocations, _room.Limit, (long)_room.Kept + _wantedAllocations);
        }

        _workers.Start(worker => _drivers[worker.Index]);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Offers ICE over TCP (RFC 6544) on this port from now on.</summary>
    public void OfferTcp(int port) => Use((rooms, _) =>
    {
        rooms.OfferAlso(Array.ConvertAll(TransportAddress.From(_addresses, (ushort)port), address => address.Over(TransportProtocol.Tcp, 0)));
        return port;
    });

    /// <summary>Uses the rooms, alone, and posts what comes of it to the workers.</summary>
    public T Use<T>(Func<RoomDirectory, Instant, T> use)
    {
        lock (_gate)
        {
            T result = use(_rooms, MonotonicClock.Now);
            PostCommands();
            return result;
        }
    }

    /// <summary>What the peer's worker knows of it; null where no worker owns it, or where its mailbox is full.</summary>
    public async ValueTask<PeerReport?> ReportAsync(PeerDescriptor peer, CancellationToken cancellation)
    {
        int shard = peer.OwnerShard;
        var report = new AwaitableReport();
        if (shard < 0 || !_drivers[shard].Mailbox.TryPost(new ShardCommand(ShardCommandKind.Report, peer, report)))
        {
            return null;
        }

        await report.Completion.WaitAsync(cancellation).ConfigureAwait(false);
        return report.IsFilled ? report : null;
    }

    /// <summary>Ends every session and waits until the workers have told the clients.</summary>
    public async Task CloseAllAsync()
    {
        Use((rooms, now) =>
        {
            rooms.CloseEverything(now);
            return 0;
        });
        Instant patience = MonotonicClock.Now + ClosePatience;
        while (_drivers.Any(driver => driver.Shard.PeerCount > 0) && MonotonicClock.Now < patience)
        {
            await Task.Delay(RetryInterval).ConfigureAwait(false);
        }
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await WaitAsync().ConfigureAwait(false);
            Turn.SetWallClock(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), MonotonicClock.Now);
            lock (_gate)
            {
                Instant now = MonotonicClock.Now;
                HandleEvents(now);
                if (now >= _rooms.NextDeadline)
                {
                    _rooms.HandleDeadline(now);
                }

                PostCommands();
            }
        }

        lock (_gate)
        {
            HandleEvents(MonotonicClock.Now); // The last sessions' figures.
            TakeEvents();
        }
    }

    private void HandleEvents(Instant now)
    {
        while (_events.Reader.TryRead(out PeerEvent e))
        {
            _rooms.HandleEvent(in e, now);
            if (e.Kind == PeerEventKind.Closed)
            {
                _records?.TellClosed(e.Peer);
            }
        }
    }

    /// <summary>Until an event, the next deadlines, or the stop.</summary>
    private async Task WaitAsync()
    {
        TimeSpan wait;
        lock (_gate)
        {
            // A session that is made meanwhile may have an earlier deadline: looking twice a second is early enough for it.
            Instant now = MonotonicClock.Now;
            wait = Between(_rooms.NextDeadline - now, DeadlineGrain, LongestWait);
            wait = Between(_retryAt - now, TimeSpan.FromMilliseconds(1), wait);
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        timeout.CancelAfter(wait);
        try
        {
            await _events.Reader.WaitToReadAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The time is up.
        }
    }

    private static TimeSpan Between(TimeSpan wait, TimeSpan shortest, TimeSpan longest) => wait < shortest ? shortest : wait < longest ? wait : longest;

    private void LogSockets(ILogger log)
    {
        UdpSocket socket = _workers.Workers[0].Sockets[0];
        ServerLog.WorkersStarted(log, _workers.Workers.Count, _workers.Workers[0].Backend, _workers.Port, socket.ReceiveBufferBytes, socket.SendBufferBytes);
        if (Math.Min(socket.ReceiveBufferBytes, socket.SendBufferBytes) < SmallBufferBytes)
        {
            ServerLog.SmallBuffers(log, Math.Min(socket.ReceiveBufferBytes, socket.SendBufferBytes));
        }
    }

    private void TakeEvents()
    {
        Instant now = MonotonicClock.Now;
        while (_rooms.TryPollEvent(out RoomEvent e))
        {
            _records?.Tell(in e, now);
            if (e.Kind == RoomEventKind.SessionOpened && _traced is not null)
            {
                Trace(e.Session!);
            }

            if (_log is not null && e.Session is { } session)
            {
                LogEvent(_log, e.Kind, session);
            }
        }
    }

    private static void LogEvent(ILogger log, RoomEventKind kind, Session session)
    {
        switch (kind)
        {
            case RoomEventKind.SessionOpened:
                ServerLog.SessionOpened(log, session.Id, session.Role, session.Participant.Identity, session.Participant.Room.Name);
                break;
            case RoomEventKind.SessionConnected:
                ServerLog.SessionConnected(log, session.Id, session.Peer.OwnerShard);
                break;
            case RoomEventKind.SessionClosed:
                ServerLog.SessionClosed(log, session.Id, session.Participant.Identity, session.Participant.Room.Name, session.CloseReason);
                break;
        }
    }

    private void PostCommands()
    {
        TakeEvents();
        foreach (ShardCommand refused in _refused)
        {
            _rooms.Retry(in refused);
        }

        _refused.Clear();
        while (_rooms.TryPollCommand(out int shard, out ShardCommand command))
        {
            if (shard >= 0 && !_drivers[shard].Mailbox.TryPost(command))
            {
                _refused.Add(command);
            }
        }

        _retryAt = _refused.Count > 0 ? MonotonicClock.Now + RetryInterval : Instant.Never;
        TellListeners();
    }

    /// <summary>What just changed is told at once where its room has been quiet, else by the timer.</summary>
    private void TellListeners()
    {
        if (_rooms.NextTick == Instant.Never)
        {
            return;
        }

        Instant now = MonotonicClock.Now;
        if (now >= _rooms.NextTick)
        {
            _rooms.HandleTick(now);
            while (_rooms.TryPollTold(out TickLog log))
            {
                _ticks.Add(log);
            }
        }

        if (_rooms.NextTick < _tickAt && !_stop.IsCancellationRequested)
        {
            _tickAt = _rooms.NextTick;
            _tickTimer.Change(TimeSpan.FromMilliseconds(Math.Max(1, (_tickAt - now).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
    }

    private void Tick()
    {
        lock (_gate)
        {
            _tickAt = Instant.Never;
            TellListeners();
        }
    }

    private void SweepHandshakes()
    {
        _handshakeMemory.Sweep();
        if (!_stop.IsCancellationRequested)
        {
            _handshakeSweep.Change(HandshakeSweepInterval, Timeout.InfiniteTimeSpan);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _tickTimer.DisposeAsync().ConfigureAwait(false);
        await _handshakeSweep.DisposeAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _workers.Dispose();
        await _trace.DisposeAsync().ConfigureAwait(false);
        Inboxes.Close();
        foreach (WorkerDriver driver in _drivers)
        {
            driver.Dispose();
        }

        _dtls.Dispose();
        _stop.Dispose();
    }

    private sealed class AwaitableReport : PeerReport
    {
        private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Completion => _completed.Task;

        protected override void Complete() => _completed.TrySetResult();
    }
}
