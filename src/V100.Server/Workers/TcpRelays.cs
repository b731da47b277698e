using V100.Net;
using V100.Net.Sockets;
using V100.Server.Connections;
using V100.Turn;

namespace V100.Server.Workers;

/// <summary>
/// The TCP side of one worker's relay (RFC 6062): listeners on relayed addresses, connections to peers, and what joins them to their
/// clients. Sockets live on the thread pool and report through a bounded mailbox; all else is the worker's.
/// </summary>
internal sealed class TcpRelays : IDisposable
{
    /// <summary>Reports that wait for the worker. A report that finds no room is that of a peer who is turned away.</summary>
    private const int MailboxCapacity = 1024;
    private const int ReportsPerTurn = 64;

    /// <summary>How often the bytes of joined connections are accounted for.</summary>
    private static readonly TimeSpan AccountInterval = TimeSpan.FromSeconds(1);

    private readonly Mailbox<Report> _reports;
    private readonly ConnectionTable _connections;
    private readonly Dictionary<RelayId, PeerListener> _listeners = [];
    private readonly Dictionary<PeerConnectionId, CancellationTokenSource> _attempts = [];
    private readonly Dictionary<PeerConnectionId, PeerConnection> _peers = [];
    private readonly Dictionary<PeerConnectionId, Joined> _joined = [];

    /// <summary>Connections that could not be begun or joined: the machine must hear of them, so they do not go through the mailbox.</summary>
    private readonly Queue<PeerConnectionId> _failed = new();
    private Instant _accountAt = Instant.Never;

    /// <param name="Kind">What happened.</param>
    /// <param name="Connection">Whose; a number may have been given out again meanwhile.</param>
    /// <param name="Relay">Where a peer came in.</param>
    /// <param name="Peer">The connection that stands.</param>
    /// <param name="Source">The attempt or splice that reports.</param>
    private readonly record struct Report(ReportKind Kind, PeerConnectionId Connection, RelayId Relay, PeerConnection? Peer, object? Source = null);

    private enum ReportKind : byte
    {
        Accepted,

        /// <summary>An attempt is over; without a peer it failed.</summary>
        Connected,
        Ended,
    }

    private sealed record Joined(Splice Splice)
    {
        public long ToPeer { get; set; }
        public long ToClient { get; set; }
    }

    /// <param name="worker">Woken by reports.</param>
    /// <param name="connections">Where clients' connections are found.</param>
    public TcpRelays(IWakeable worker, ConnectionTable connections)
    {
        _reports = new Mailbox<Report>(MailboxCapacity, worker);
        _connections = connections;
    }

    public Instant NextDeadline => _accountAt;

    /// <summary>Connections to peers that are made, wait or run.</summary>
    public int Count => _attempts.Count + _peers.Count + _joined.Count;

    /// <summary>Something was left for <see cref="HandleReports"/> without a wake.</summary>
    public bool HasFailures => _failed.Count > 0;

    public bool TryListen(RelayId relay, in TransportAddress local)
    {
        PeerListener? listener = PeerListener.TryStart(local, peer => Post(new Report(ReportKind.Accepted, default, relay, peer)), TimeProvider.System);
        if (listener is not null)
        {
            _listeners.Add(relay, listener);
        }

        return listener is not null;
    }

    public bool TryClose(RelayId relay)
    {
        bool found = _listeners.Remove(relay, out PeerListener? listener);
        listener?.Dispose();
        return found;
    }

    /// <summary>Carries out what the machine wants of connections to peers.</summary>
    public void Carry(in TurnOutput output)
    {
        switch (output.Kind)
        {
            case TurnOutputKind.ConnectPeer when _listeners.TryGetValue(output.Relay, out PeerListener? listener):
                var attempt = new CancellationTokenSource();
                _attempts.Add(output.Connection, attempt);
                _ = ConnectAsync(output.Connection, listener.Relay, output.Peer, attempt);
                break;
            case TurnOutputKind.ConnectPeer:
                _failed.Enqueue(output.Connection);
                break;
            case TurnOutputKind.ClosePeer:
                Close(output.Connection);
                break;
            case TurnOutputKind.CloseClient when _connections.TryGet(output.Flow.Client.Connection, out ClientConnection? client):
                client.Close();
                break;
        }
    }

    /// <summary>Joins the client's data connection to the peer's; the client still gets the answer to its ConnectionBind first.</summary>
    public void Join(in TurnOutput output, ReadOnlySpan<byte> answer)
    {
        PeerConnectionId id = output.Connection;
        if (!_peers.Remove(id, out PeerConnection? peer) || !_connections.TryGet(output.Flow.Client.Connection, out ClientConnection? client))
        {
            peer?.Dispose();
            _failed.Enqueue(id);
            return;
        }

        SplicePace? pace = output.Rate is { } rate ? new SplicePace(rate, static () => MonotonicClock.Now, TimeProvider.System) : null;
        var joined = new Joined(Splice.Start(client, answer, peer, pace));
        _joined.Add(id, joined);
        _accountAt = Instant.Earlier(_accountAt, MonotonicClock.Now + AccountInterval);
        _ = ReportEndAsync(id, joined.Splice);
    }

    /// <summary>Takes what the sockets report. True when more may wait.</summary>
    public bool HandleReports(TurnShard shard, Instant now)
    {
        while (_failed.TryDequeue(out PeerConnectionId failed))
        {
            shard.HandlePeerClosed(failed, now);
        }

        int taken = 0;
        while (taken < ReportsPerTurn && _reports.TryRead(out Report report))
        {
            Handle(in report, shard, now);
            taken++;
        }

        return taken == ReportsPerTurn;
    }

    public void HandleDeadline(TurnShard shard, Instant now)
    {
        if (now < _accountAt)
        {
            return;
        }

        foreach ((PeerConnectionId id, Joined joined) in _joined)
        {
            Account(id, joined, shard, now);
        }

        _accountAt = _joined.Count > 0 ? now + AccountInterval : Instant.Never;
    }

    private void Handle(in Report report, TurnShard shard, Instant now)
    {
        switch (report.Kind)
        {
            case ReportKind.Accepted:
                PeerConnection accepted = report.Peer!;
                if (shard.HandlePeerAccepted(report.Relay, accepted.Peer, now, out PeerConnectionId id))
                {
                    _peers.Add(id, accepted);
                }
                else
                {
                    accepted.Dispose();
                }

                break;
            case ReportKind.Connected:
                HandleConnected(in report, shard, now);
                break;
            case ReportKind.Ended when _joined.TryGetValue(report.Connection, out Joined? joined) && joined.Splice == report.Source:
                _joined.Remove(report.Connection);
                Account(report.Connection, joined, shard, now);
                shard.HandlePeerClosed(report.Connection, now);
                break;
        }
    }

    private void HandleConnected(in Report report, TurnShard shard, Instant now)
    {
        if (!_attempts.TryGetValue(report.Connection, out CancellationTokenSource? attempt) || attempt != report.Source)
        {
            // The client gave it up meanwhile.
            report.Peer?.Dispose();
            return;
        }

        _attempts.Remove(report.Connection);
        attempt.Dispose();
        if (report.Peer is { } peer)
        {
            _peers.Add(report.Connection, peer);
            shard.HandlePeerConnected(report.Connection, now);
        }
        else
        {
            shard.HandlePeerClosed(report.Connection, now);
        }
    }

    private static void Account(PeerConnectionId id, Joined joined, TurnShard shard, Instant now)
    {
        long toPeer = joined.Splice.BytesToPeer;
        long toClient = joined.Splice.BytesToClient;
        if (toPeer != joined.ToPeer || toClient != joined.ToClient)
        {
            shard.HandleSpliced(id, (int)Math.Min(int.MaxValue, toPeer - joined.ToPeer), (int)Math.Min(int.MaxValue, toClient - joined.ToClient), now);
            joined.ToPeer = toPeer;
            joined.ToClient = toClient;
        }
    }

    private void Close(PeerConnectionId id)
    {
        if (_attempts.Remove(id, out CancellationTokenSource? attempt))
        {
            Cancel(attempt);
        }

        if (_peers.Remove(id, out PeerConnection? waiting))
        {
            waiting.Dispose();
        }

        if (_joined.Remove(id, out Joined? joined))
        {
            joined.Splice.Close();
        }
    }

    /// <summary>Closing a socket takes time that a worker does not have.</summary>
    private static void Cancel(CancellationTokenSource attempt) =>
        ThreadPool.UnsafeQueueUserWorkItem(static attempt => attempt.Cancel(), attempt, preferLocal: false);

    private async Task ConnectAsync(PeerConnectionId id, TransportAddress relay, TransportAddress peer, CancellationTokenSource attempt)
    {
        PeerConnection? connection = await PeerConnection.ConnectAsync(relay, peer, TimeProvider.System, attempt.Token).ConfigureAwait(false);
        Post(new Report(ReportKind.Connected, id, default, connection, attempt));
    }

    private async Task ReportEndAsync(PeerConnectionId id, Splice splice)
    {
        await splice.Completion.ConfigureAwait(false);
        while (!_reports.TryPost(new Report(ReportKind.Ended, id, default, null, splice)))
        {
            await Task.Delay(AccountInterval).ConfigureAwait(false);
        }
    }

    private void Post(in Report report)
    {
        if (!_reports.TryPost(report))
        {
            report.Peer?.Dispose();
        }
    }

    /// <summary>Only after the worker's thread has ended.</summary>
    public void Dispose()
    {
        foreach (PeerListener listener in _listeners.Values)
        {
            listener.Dispose();
        }

        while (_reports.TryRead(out Report report))
        {
            report.Peer?.Dispose();
        }

        foreach (CancellationTokenSource attempt in _attempts.Values)
        {
            attempt.Cancel();
        }

        foreach (PeerConnection peer in _peers.Values)
        {
            peer.Dispose();
        }

        foreach (Joined joined in _joined.Values)
        {
            joined.Splice.Close();
        }
    }
}
