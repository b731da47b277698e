using System.Globalization;
using Microsoft.Data.Sqlite;
using V100.Server.Control;

namespace V100.Server.Storage;

/// <summary>
/// The embedded database: what must outlive the process. One thread writes: it takes what is queued, commits it in one transaction, and takes what came
/// meanwhile. Who posts never waits; what a full queue refuses is counted.
/// </summary>
/// <remarks>
/// A committed transaction survives the end of the process at once, and a loss of power within <see cref="SyncInterval"/>: then the log is written through to the
/// disk. Where the disk refuses (full, unplugged), the transaction is tried again each second, and the queue fills meanwhile.
/// </remarks>
internal sealed class Store : IAsyncDisposable
{
    /// <summary>Writes that wait at most.</summary>
    public const int QueueCapacity = 65_536;

    /// <summary>Writes of one transaction at most.</summary>
    private const int MaxBatch = 4096;

    /// <summary>Reads at a time; others wait.</summary>
    private const int MaxReads = 4;

    /// <summary>A damaged file is looked through at the start only while that is quick.</summary>
    private const long MaxCheckedBytes = 64L << 20;

    private const int BusyTimeoutSeconds = 5;
    private static readonly TimeSpan FlushPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SyncInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    private readonly string _path;
    private readonly SqliteConnection _connection;
    private readonly Statements _statements;
    private readonly FileStream? _lock;
    private readonly Queue<StoreWrite> _queue = new();
    private readonly SemaphoreSlim _reads = new(MaxReads);
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Thread _writer;
    private ILogger _log = Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;
    private bool _unsynced;
    private long _syncedAt = Environment.TickCount64;
    private long _written;
    private long _refused;
    private long _dropped;
    private long _failures;
    private bool _isFull;
    private bool _isClosed;

    // Named here, where reflection would look for it otherwise: the native compiler cannot.
    static Store() => SQLitePCL.Batteries_V2.Init();

    /// <param name="path">The file; it and its folder are made where they are not there.</param>
    /// <exception cref="StoreException">It cannot be opened.</exception>
    public Store(string path)
    {
        _path = Path.GetFullPath(path);
        try
        {
            CreateFolder(_path);
            _lock = TryLock(_path + ".lock");
            _connection = Open(SqliteOpenMode.ReadWriteCreate);
            _statements = new Statements(_connection);
            Prepare();
        }
        catch (Exception exception) when (exception is SqliteException or StoreException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            _statements?.Dispose();
            _connection?.Dispose();
            _lock?.Dispose();
            throw new StoreException(Explain(path, exception), exception);
        }

        _writer = new Thread(Run) { Name = "v100-store", IsBackground = true };
        _writer.Start();
    }

    /// <summary>Has a line written for whatever goes wrong.</summary>
    public void LogTo(ILogger log)
    {
        _log = log;
        if (!IsAlone)
        {
            ServerLog.StoreShared(log, _path);
        }
    }

    /// <summary>Whether no other process has the file open: else what waits in it may be that one's.</summary>
    public bool IsAlone => _lock is not null;

    /// <summary>Queues a write and returns at once. False where the queue is full or closed.</summary>
    public bool TryPost(StoreWrite write)
    {
        bool queued = TryEnqueue(write);
        if (!queued)
        {
            Interlocked.Increment(ref _refused);
            if (!Interlocked.Exchange(ref _isFull, true))
            {
                ServerLog.StoreQueueFull(_log, _path, QueueCapacity);
            }
        }

        return queued;
    }

    private bool TryEnqueue(StoreWrite write)
    {
        lock (_queue)
        {
            if (_isClosed || _queue.Count >= QueueCapacity)
            {
                return false;
            }

            _queue.Enqueue(write);
            Monitor.Pulse(_queue);
            return true;
        }
    }

    /// <summary>Reads with a connection of its own: what is committed, and nothing of what is queued.</summary>
    public async Task<T> ReadAsync<T>(Func<Statements, T> read, CancellationToken cancellation)
    {
        await _reads.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Read(read), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _reads.Release();
        }
    }

    private T Read<T>(Func<Statements, T> read)
    {
        using SqliteConnection connection = Open(SqliteOpenMode.ReadOnly);
        using var statements = new Statements(connection);
        return read(statements);
    }

    /// <summary>Completes when everything that was queued before is committed or dropped, or in vain after <see cref="FlushPatience"/>, where the disk refuses.</summary>
    public async Task FlushAsync()
    {
        var mark = new Mark();
        if (TryPost(mark))
        {
            await Task.WhenAny(mark.Completion, Task.Delay(FlushPatience)).ConfigureAwait(false);
        }
    }

    private int QueueLength
    {
        get
        {
            lock (_queue)
            {
                return _queue.Count;
            }
        }
    }

    public IEnumerable<MetricSample> Collect()
    {
        yield return new("v100_store_queue", "Writes that wait for the store.", MetricKind.Gauge, "", QueueLength);
        yield return new("v100_store_writes_total", "Writes that the store committed.", MetricKind.Counter, "", Volatile.Read(ref _written));
        yield return Dropped("queue_full", Volatile.Read(ref _refused));
        yield return Dropped("refused", Volatile.Read(ref _dropped));
        yield return new("v100_store_failures_total", "Transactions that failed and were tried again.", MetricKind.Counter, "", Volatile.Read(ref _failures));

        static MetricSample Dropped(string kind, double value) =>
            new("v100_store_dropped_total", "Writes that never reached the store, by kind.", MetricKind.Counter, $"kind=\"{kind}\"", value);
    }

    /// <summary>Writes what is queued, within a few seconds, and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_queue)
        {
            _isClosed = true;
            Monitor.Pulse(_queue);
        }

        _stopping.Set();
        await Task.Run(() => _writer.Join(StopPatience)).ConfigureAwait(false);
        using (SqliteConnection pooled = Connection(SqliteOpenMode.ReadOnly))
        {
            SqliteConnection.ClearPool(pooled);
        }

        // The last to close: only who may write takes the log into the file.
        _statements.Dispose();
        _connection.Dispose();
        _lock?.Dispose();
        _reads.Dispose();
        _stopping.Dispose();
    }

    private void Run()
    {
        List<StoreWrite> batch = [];
        while (TryTake(batch))
        {
            if (batch.Count > 0)
            {
                Write(batch);
                batch.Clear();
                Volatile.Write(ref _isFull, false);
            }

            Synchronize();
        }
    }

    /// <summary>What is queued, or after <see cref="SyncInterval"/> nothing. False at the end. It waits without spinning: the cores are the media's.</summary>
    private bool TryTake(List<StoreWrite> batch)
    {
        lock (_queue)
        {
            if (_queue.Count == 0 && !_isClosed)
            {
                Monitor.Wait(_queue, SyncInterval);
            }

            while (batch.Count < MaxBatch && _queue.TryDequeue(out StoreWrite? next))
            {
                batch.Add(next);
            }

            return batch.Count > 0 || !_isClosed;
        }
    }

    private void Write(List<StoreWrite> batch)
    {
        while (!TryCommit(batch, out Exception? failure))
        {
            if (!IsOfTheDisk(failure))
            {
                // One of them is at fault, and must not hold up the others.
                foreach (StoreWrite write in batch.Where(write => !TryCommit([write], out _)))
                {
                    Drop(write);
                }

                return;
            }

            if (_stopping.Wait(RetryInterval))
            {
                batch.ForEach(Drop);
                return;
            }
        }
    }

    private bool TryCommit(List<StoreWrite> batch, out Exception? failure)
    {
        failure = null;
        try
        {
            _statements.Run("BEGIN IMMEDIATE");
            foreach (StoreWrite write in batch)
            {
                write.Apply(_statements);
            }

            _statements.Run("COMMIT");
        }
#pragma warning disable CA1031 // One write's fault must not become another's, nor end the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
            Interlocked.Increment(ref _failures);
            ServerLog.StoreFailed(_log, _path, batch.Count, exception.Message);
            RollBack();
            return false;
        }

        _unsynced = true;
        Interlocked.Add(ref _written, batch.Count);
        batch.ForEach(write => write.OnCommitted());
        return true;
    }

    private void RollBack()
    {
        try
        {
            _statements.Run("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite rolled back by itself, or never began.
        }
    }

    private void Drop(StoreWrite write)
    {
        Interlocked.Increment(ref _dropped);
        write.OnDropped();
    }

    /// <summary>Errors that pass, or whose cause is not what was to be written.</summary>
    private static bool IsOfTheDisk(Exception? failure) => failure is SqliteException { SqliteErrorCode:
        SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED or SQLitePCL.raw.SQLITE_FULL or SQLitePCL.raw.SQLITE_IOERR
        or SQLitePCL.raw.SQLITE_CANTOPEN or SQLitePCL.raw.SQLITE_READONLY or SQLitePCL.raw.SQLITE_NOMEM or SQLitePCL.raw.SQLITE_CORRUPT };

    /// <summary>A checkpoint writes the log through to the disk first.</summary>
    private void Synchronize()
    {
        if (!_unsynced || Environment.TickCount64 - _syncedAt < SyncInterval.TotalMilliseconds)
        {
            return;
        }

        try
        {
            _statements.Run("PRAGMA wal_checkpoint(PASSIVE)");
            _unsynced = false;
        }
        catch (SqliteException exception)
        {
            Interlocked.Increment(ref _failures);
            ServerLog.StoreFailed(_log, _path, 0, exception.Message);
        }

        _syncedAt = Environment.TickCount64;
    }

    private SqliteConnection Open(SqliteOpenMode mode)
    {
        SqliteConnection connection = Connection(mode);
        connection.Open();
        return connection;
    }

    private SqliteConnection Connection(SqliteOpenMode mode) => new(new SqliteConnectionStringBuilder
    {
        DataSource = _path,
        Mode = mode,
        DefaultTimeout = BusyTimeoutSeconds,
        Pooling = mode == SqliteOpenMode.ReadOnly,
    }.ConnectionString);

    private void Prepare()
    {
        _statements.Run("PRAGMA journal_mode = WAL");
        _statements.Run("PRAGMA synchronous = NORMAL");
        if (new FileInfo(_path).Length <= MaxCheckedBytes
            && _statements.Rows("PRAGMA quick_check(1)", row => row.GetString(0)) is [not "ok" and var damage])
        {
            throw new StoreException($"it is damaged ({damage.ReplaceLineEndings(" ")})");
        }

        StoreSchema.Migrate(_statements);
    }

    private static void CreateFolder(string path)
    {
        string? folder = Path.GetDirectoryName(path);
        if (folder is null || Directory.Exists(folder))
        {
            return;
        }

        // Names of people are in it: nobody else's to read.
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Null where another process has it.</summary>
    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    private static string Explain(string path, Exception exception)
    {
        bool isNoDatabase = exception is SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_NOTADB or SQLitePCL.raw.SQLITE_CORRUPT };
        string reason = exception.Message.ReplaceLineEndings(" ").TrimEnd('.');
        return isNoDatabase || exception is StoreException
            ? $"V100:Store:Path = \"{path}\": the store cannot be used: {reason}. Move it away (a new one is made then), put a copy of former days in its place, or name another file"
            : string.Create(CultureInfo.InvariantCulture, $"V100:Store:Path = \"{path}\": the store cannot be opened: {reason}; allowed is a file in a folder that this user may write to");
    }

    /// <summary>Nothing but a place in the queue.</summary>
    private sealed class Mark : StoreWrite
    {
        private readonly TaskCompletionSource _passed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Completion => _passed.Task;

        public override void Apply(Statements statements)
        {
        }

        public override void OnCommitted() => _passed.TrySetResult();

        public override void OnDropped() => _passed.TrySetResult();
    }
}
