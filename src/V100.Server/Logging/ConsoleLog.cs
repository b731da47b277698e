using V100.Server.Configuration;

namespace V100.Server.Logging;

/// <summary>
/// Writes log lines to standard output, in the order in which they come, on a thread of its own: who logs does not wait for the console
/// unless <see cref="MaxWaitingLines"/> wait already.
/// </summary>
internal sealed class ConsoleLog : ILoggerFactory
{
    private const int MaxWaitingLines = 2500;
    private static readonly TimeSpan EndPatience = TimeSpan.FromMilliseconds(1500);

    private readonly LogFormat _format;
    private readonly LogLevel _level;
    private readonly bool _colors;
    private readonly Queue<string> _waiting = new();
    private readonly Thread _thread;
    private bool _ended;

    /// <param name="format">How a line looks.</param>
    /// <param name="level">The least level that is logged; of what is not V100's own, warnings at least.</param>
    public ConsoleLog(LogFormat format, LogLevel level)
    {
        _format = format;
        _level = level;
        _colors = format == LogFormat.Text && !Console.IsOutputRedirected;
        _thread = new Thread(Run) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    public ILogger CreateLogger(string categoryName) =>
        new Category(this, categoryName, IsOwn(categoryName) || _level > LogLevel.Warning ? _level : LogLevel.Warning);

    /// <summary>There is one place where lines go.</summary>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    /// <summary>Returns when everything is written, or after a while. What is logged later is written at once.</summary>
    public void Dispose()
    {
        lock (_waiting)
        {
            _ended = true;
            Monitor.PulseAll(_waiting);
        }

        _thread.Join(EndPatience);
    }

    private static bool IsOwn(string category) => category.StartsWith("V100", StringComparison.Ordinal);

    private void Post(string line)
    {
        lock (_waiting)
        {
            while (_waiting.Count >= MaxWaitingLines && !_ended)
            {
                Monitor.Wait(_waiting);
            }

            if (!_ended)
            {
                _waiting.Enqueue(line);
                Monitor.PulseAll(_waiting);
                return;
            }
        }

        Write(line);
    }

    private void Run()
    {
        while (TryTake(out string? line))
        {
            Write(line!);
        }
    }

    private bool TryTake(out string? line)
    {
        lock (_waiting)
        {
            while (_waiting.Count == 0 && !_ended)
            {
                Monitor.Wait(_waiting);
            }

            bool taken = _waiting.TryDequeue(out line);
            Monitor.PulseAll(_waiting);
            return taken;
        }
    }

    private static void Write(string line)
    {
        try
        {
            Console.Out.Write(line);
        }
        catch (IOException)
        {
            // Who read it is gone: no reason to stop serving.
        }
    }

    private sealed class Category(ConsoleLog log, string name, LogLevel level) : ILogger
    {
        public bool IsEnabled(LogLevel logLevel) => logLevel >= level && logLevel != LogLevel.None;

        /// <summary>Nothing shows scopes.</summary>
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Post(new LogLine(DateTimeOffset.UtcNow, logLevel, name, eventId.Id, formatter(state, exception), exception), state);
            }
        }

        // Apart, or it would be compiled for each kind of state.
        private void Post(LogLine line, object? state) =>
            log.Post(log._format == LogFormat.Json ? line.ToJson(state as IEnumerable<KeyValuePair<string, object?>> ?? []) : line.ToText(log._colors));
    }
}
