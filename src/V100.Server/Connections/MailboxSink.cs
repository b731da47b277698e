using System.Buffers;
using V100.Net;

namespace V100.Server.Connections;

/// <summary>One message of a connection in its worker's inbox.</summary>
/// <param name="Connection">Whose.</param>
/// <param name="Kind">What it tells.</param>
/// <param name="Bytes">The packet; its bytes may be overwritten. Valid until the next <see cref="ConnectionInbox.TryRead"/>.</param>
internal readonly record struct ConnectionMessage(ClientConnection Connection, ConnectionMessageKind Kind, Memory<byte> Bytes);

/// <summary>
/// What connections tell one worker: a bounded mailbox of packets in pooled blocks. At the bound it refuses, and the connections stop reading until
/// the worker has made room.
/// </summary>
/// <remarks>The worker calls <see cref="TryRead"/> until it says no, or as often as one turn allows: each call gives back what the call before gave.</remarks>
internal sealed class ConnectionInbox
{
    /// <summary>Packets too long for a block, together.</summary>
    private const int MaxLongBytes = 4 << 20;

    // So often a worker that is busy all the time lets waiting connections try again.
    private const int ReadsPerWake = 64;

    private readonly Mailbox<Entry> _mailbox;
    private readonly BlockPool _blocks;
    private Waiter? _waiters;
    private Entry _current;
    private int _reads;
    private int _longBytes;
    private volatile bool _closed;

    /// <param name="capacity">Messages that wait at most.</param>
    /// <param name="worker">Woken after each message.</param>
    public ConnectionInbox(int capacity, IWakeable worker)
    {
        _mailbox = new Mailbox<Entry>(capacity, worker);
        _blocks = new BlockPool(_mailbox.Capacity);
    }

    private readonly record struct Entry(ClientConnection? Connection, ConnectionMessageKind Kind, Block? Block, byte[]? Long, int Length);

    private sealed class Waiter : TaskCompletionSource
    {
        public Waiter()
            : base(TaskCreationOptions.RunContinuationsAsynchronously)
        {
        }

        public Waiter? Next { get; set; }
    }

    /// <summary>The worker only. False when there is no message.</summary>
    public bool TryRead(out ConnectionMessage message)
    {
        Release(in _current);
        bool read = _mailbox.TryRead(out _current);
        message = read
            ? new ConnectionMessage(_current.Connection!, _current.Kind, (_current.Long ?? _current.Block?.Bytes).AsMemory(0, _current.Length))
            : default;
        if ((!read || (++_reads & (ReadsPerWake - 1)) == 0) && Volatile.Read(ref _waiters) is not null)
        {
            WakeWaiters();
        }

        return read;
    }

    /// <summary>The worker reads no more. What waits, and what comes from now on, is dropped, so that no connection waits.</summary>
    public void Close()
    {
        _closed = true;
        Interlocked.MemoryBarrier();
        while (TryRead(out _))
        {
            // Each read gives back what the one before gave.
        }

        WakeWaiters();
    }

    public bool TryPost(ClientConnection connection, ConnectionMessageKind kind, ReadOnlySpan<byte> message)
    {
        if (_closed)
        {
            if (kind == ConnectionMessageKind.Closed)
            {
                connection.Release();
            }

            return true;
        }

        if (!TryCopy(message, out Block? block, out byte[]? array))
        {
            return false;
        }

        var entry = new Entry(connection, kind, block, array, message.Length);
        if (_mailbox.TryPost(entry))
        {
            Interlocked.MemoryBarrier();
            if (_closed && kind == ConnectionMessageKind.Closed)
            {
                connection.Release();
            }

            return true;
        }

        Return(in entry);
        return false;
    }

    public Task WaitForRoomAsync()
    {
        var waiter = new Waiter();
        Waiter? first = Volatile.Read(ref _waiters);
        while (true)
        {
            waiter.Next = first;
            Waiter? seen = Interlocked.CompareExchange(ref _waiters, waiter, first);
            if (ReferenceEquals(seen, first))
            {
                break;
            }

            first = seen;
        }

        if (_closed)
        {
            WakeWaiters();
        }

        return waiter.Task;
    }

    private void WakeWaiters()
    {
        for (Waiter? waiter = Interlocked.Exchange(ref _waiters, null); waiter is not null; waiter = waiter.Next)
        {
            waiter.TrySetResult();
        }
    }

    private bool TryCopy(ReadOnlySpan<byte> message, out Block? block, out byte[]? array)
    {
        block = null;
        array = null;
        if (message.Length > Block.Capacity)
        {
            if (Interlocked.Add(ref _longBytes, message.Length) > MaxLongBytes)
            {
                Interlocked.Add(ref _longBytes, -message.Length);
                return false;
            }

            array = ArrayPool<byte>.Shared.Rent(message.Length);
            message.CopyTo(array);
        }
        else if (!message.IsEmpty)
        {
            if (!_blocks.TryRent(out block))
            {
                return false;
            }

            message.CopyTo(block.Bytes);
        }

        return true;
    }

    private void Release(in Entry entry)
    {
        Return(in entry);
        if (entry is { Kind: ConnectionMessageKind.Closed, Connection: { } connection })
        {
            connection.Release();
        }
    }

    private void Return(in Entry entry)
    {
        _blocks.Return(entry.Block);
        if (entry.Long is not null)
        {
            ArrayPool<byte>.Shared.Return(entry.Long);
            Interlocked.Add(ref _longBytes, -entry.Length);
        }
    }
}

/// <summary>Gives each connection's messages to its worker's <see cref="ConnectionInbox"/>.</summary>
internal sealed class MailboxSink : IConnectionSink
{
    /// <summary>Messages that wait at one worker.</summary>
    public const int DefaultCapacity = 1024;

    private readonly ConnectionInbox[] _inboxes;

    /// <param name="workers">Whom to wake, by index.</param>
    /// <param name="capacity">Messages that wait at one worker.</param>
    public MailboxSink(IReadOnlyList<IWakeable> workers, int capacity = DefaultCapacity)
    {
        _inboxes = [.. workers.Select(worker => new ConnectionInbox(capacity, worker))];
    }

    public int WorkerCount => _inboxes.Length;

    /// <summary>What the worker of this index reads.</summary>
    public ConnectionInbox Inbox(int worker) => _inboxes[worker];

    public bool TryDeliver(ClientConnection connection, ConnectionMessageKind kind, ReadOnlySpan<byte> message) =>
        _inboxes[connection.Worker].TryPost(connection, kind, message);

    public Task WaitForRoomAsync(ClientConnection connection) => _inboxes[connection.Worker].WaitForRoomAsync();

    /// <summary>The workers have stopped: nobody waits for them any more.</summary>
    public void Close()
    {
        foreach (ConnectionInbox inbox in _inboxes)
        {
            inbox.Close();
        }
    }
}
