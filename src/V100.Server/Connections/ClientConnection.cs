using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using V100.Net;
using V100.Stun;

namespace V100.Server.Connections;

/// <summary>
/// One connection of a client over TCP or TLS. Its packets go to the <see cref="IConnectionSink"/>; any thread sends, keeps it open or closes it.
/// </summary>
/// <remarks>
/// <para>
/// Life: PROXY header (from trusted proxies) → TLS handshake → framing, told by the first message → messages → <see cref="ConnectionMessageKind.Closed"/> →
/// what is queued is written → gone. Each step has a deadline. Time runs by message, not by byte: a trickle of bytes does not prolong it.
/// </para>
/// <para>
/// Who serves it gets messages one at a time. <see cref="KeepOpen"/> once the client is known; <see cref="Release"/> after
/// <see cref="ConnectionMessageKind.Closed"/>: until then the number stays its own and answers still go out to a client that ended its half.
/// </para>
/// <para>
/// Memory: received bytes wait in the listener's pipe (bounded by the transport's options) while the worker has no room; sent ones in an
/// <see cref="OutboundQueue"/>. An idle connection holds neither.
/// </para>
/// </remarks>
internal sealed partial class ClientConnection : IThreadPoolWorkItem
{
    private static readonly long Never = TimeSpan.MaxValue.Ticks;

    private readonly ConnectionContext _context;
    private readonly ConnectionTable _table;
    private readonly IConnectionSink _sink;
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ConnectionTransport _transport;
    private TransportAddress? _claimed;
    private ConnectionCloseReason _deadlineReason;
    private long _deadlineTicks;
    private long _writeDeadlineTicks = Never;
    private int _closeReason;
    private bool _secured;
    private volatile bool _kept;

    /// <param name="context">The accepted connection.</param>
    /// <param name="transport">What <see cref="TransportOf"/> makes of it.</param>
    /// <param name="number">Its number in the table.</param>
    /// <param name="worker">Who serves it.</param>
    /// <param name="table">The table that it stands in.</param>
    /// <param name="sink">Where its messages go.</param>
    /// <param name="firstStep">What has to be done in time first.</param>
    public ClientConnection(
        ConnectionContext context, ConnectionTransport transport, uint number, int worker, ConnectionTable table, IConnectionSink sink, ConnectionCloseReason firstStep)
    {
        _context = context;
        _table = table;
        _sink = sink;
        _outbound = new OutboundQueue(table.Outbound);
        _transport = transport;
        Number = number;
        Worker = worker;
        SetDeadline(firstStep);
    }

    /// <summary>What its <see cref="TransportAddress.Connection"/> says.</summary>
    public uint Number { get; }

    /// <summary>The index of the worker that serves it, for its whole life.</summary>
    public int Worker { get; }

    /// <summary>The client, as a trusted proxy names it; its protocol is TCP or TLS. Known before the first message.</summary>
    public TransportAddress Remote { get; private set; }

    /// <summary>The address of this machine that it reached, with the same protocol and connection.</summary>
    public TransportAddress Local { get; private set; }

    /// <summary>How its stream is cut into packets. Known before the first message.</summary>
    public StreamFraming Framing { get; private set; }

    public ConnectionCloseReason CloseReason => (ConnectionCloseReason)Volatile.Read(ref _closeReason);

    /// <summary>The client is known to whoever serves it: the connection may be idle, and messages may be longer. Any thread.</summary>
    public void KeepOpen() => _kept = true;

    public bool IsKept => _kept;

    /// <summary>Takes <see cref="KeepOpen"/> back: from now on the idle deadline runs, unless the stream is taken over. Any thread.</summary>
    public void LetExpire()
    {
        if (!IsTakenOver)
        {
            SetDeadline(ConnectionCloseReason.IdleTimeout);
            _kept = false;
        }
    }

    /// <summary>Ends the connection at once; what is queued is lost. Any thread, any number of times.</summary>
    public void Close(ConnectionCloseReason reason = ConnectionCloseReason.Owner)
    {
        if (TrySetReason(reason))
        {
            // Closing a socket takes time that a worker does not have.
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Abort(), this, preferLocal: false);
        }
    }

    /// <summary>Whoever serves it has dealt with <see cref="ConnectionMessageKind.Closed"/>. Any thread, any number of times.</summary>
    public void Release() => _released.TrySetResult();

    /// <summary>Serves the connection to its end.</summary>
    /// <param name="opening">What comes before the first message; false where the connection is over.</param>
    public async Task<ConnectionCloseReason> RunAsync(Func<ClientConnection, Task<bool>> opening)
    {
        ConnectionCloseReason reason = ConnectionCloseReason.Reset;
        try
        {
            if (await opening(this).ConfigureAwait(false))
            {
                await ReceiveAsync().ConfigureAwait(false);
            }

            reason = ConnectionCloseReason.Ended;
        }
        catch (Exception exception) when (IsBroken(exception))
        {
            // The reason says it.
        }
        finally
        {
            Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)ConnectionCloseReason.None);
            await EndAsync().ConfigureAwait(false);
        }

        return CloseReason;
    }

    /// <summary>For the table's sweep.</summary>
    public void CheckDeadlines(TimeSpan now)
    {
        if (now.Ticks >= Volatile.Read(ref _writeDeadlineTicks))
        {
            Close(ConnectionCloseReason.StalledWrite);
        }
        else if (!_kept && now.Ticks >= Volatile.Read(ref _deadlineTicks))
        {
            Close(_deadlineReason);
        }
    }

    /// <summary>What a transport throws when its connection is gone, which is no defect.</summary>
    public static bool IsBroken(Exception exception) =>
        exception is IOException or OperationCanceledException or SocketException or ObjectDisposedException or AuthenticationException;

    /// <summary>What to read from and write to; over the shared HTTPS port TLS is taken off already. Null where the client is gone already.</summary>
    public static ConnectionTransport? TransportOf(ConnectionContext context)
    {
        try
        {
            // Under TLS that somebody else has taken off, the socket is not for plain bytes.
            bool shared = context.Features.Get<ITlsConnectionFeature>() is not null;
            Socket? socket = shared ? null : context.Features.Get<IConnectionSocketFeature>()?.Socket;
            if (socket is null)
            {
                return new ConnectionTransport(context.Transport.Input, context.Transport.Output.AsStream(leaveOpen: true), null);
            }

            LimitUnsent(socket);
            return new ConnectionTransport(context.Transport.Input, new NetworkStream(socket, ownsSocket: false), socket);
        }
        catch (Exception exception) when (IsBroken(exception))
        {
            return null;
        }
    }

    /// <summary>
    /// Keeps what the kernel buffers beyond the congestion window short (TCP_NOTSENT_LOWAT): media that waits there is late, and cannot be dropped any more.
    /// </summary>
    private static void LimitUnsent(Socket socket)
    {
        const int Tcp = 6;
        const int NotSentLowAt = 25;
        if (OperatingSystem.IsLinux())
        {
            socket.SetRawSocketOption(Tcp, NotSentLowAt, BitConverter.GetBytes(MaxUnsentBytes));
        }
    }

    /// <summary>Ended is the mildest reason: what happens while the last answers go out replaces it.</summary>
    private bool TrySetReason(ConnectionCloseReason reason) =>
        Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)ConnectionCloseReason.None) == (int)ConnectionCloseReason.None
        || Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)ConnectionCloseReason.Ended) == (int)ConnectionCloseReason.Ended;

    private void Abort() => _context.Abort(new ConnectionAbortedException("closed"));

    private void SetDeadline(ConnectionCloseReason reason)
    {
        ConnectionLimits limits = _table.Limits;
        TimeSpan span = reason switch
        {
            ConnectionCloseReason.ProxyTimeout or ConnectionCloseReason.TlsTimeout => limits.HandshakeTimeout,
            ConnectionCloseReason.FirstMessageTimeout => limits.FirstMessageTimeout,
            _ => limits.IdleTimeout,
        };
        _deadlineReason = reason;
        Volatile.Write(ref _deadlineTicks, (_table.Now + span).Ticks);
    }

    /// <summary>Tells whoever serves it, lets the last answers out, and gives everything back.</summary>
    private async Task EndAsync()
    {
        EndTakeOver();
        if (CloseReason != ConnectionCloseReason.Ended)
        {
            Abort();
        }

        try
        {
            if (_delivered)
            {
                await DeliverClosedAsync().ConfigureAwait(false);
                await _released.Task.ConfigureAwait(false);
            }

            await DrainedAsync().ConfigureAwait(false);
            _outputEnded = true;
            if (CloseReason == ConnectionCloseReason.Ended)
            {
                Volatile.Write(ref _writeDeadlineTicks, (_table.Now + _table.Limits.WriteTimeout).Ticks);
                await _transport.EndOutputAsync().ConfigureAwait(false);
            }

            await _transport.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (IsBroken(exception))
        {
            // It broke off instead.
        }
        finally
        {
            // Counted before it is gone: whoever sees no connection sees why.
            _table.Counters.Closed(CloseReason);
            _table.Remove(this, _claimed);
            _table.CountSecured(_secured ? -1 : 0);
        }
    }
}
