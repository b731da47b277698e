namespace V100.Server.Control;

/// <summary>What all event streams together did.</summary>
internal enum EventCounter
{
    /// <summary>Ticks that were written, to each client.</summary>
    Ticks,
    Snapshots,

    /// <summary>Clients that read too slowly and got a snapshot in place of what they had missed.</summary>
    FellBehind,

    /// <summary>Streams that ended because their client took nothing at all.</summary>
    ClosedSlow,
    Heartbeats,

    /// <summary>Streams that ended with an event that says why.</summary>
    Ended,

    /// <summary>Requests at the bound of streams, of the server or of a room.</summary>
    Refused,
}

/// <summary>All event streams: how many there may be, which must be heard again, and which must end.</summary>
internal sealed class EventStreams : IDisposable
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(15);

    /// <summary>A client that takes nothing for so long is closed.</summary>
    private static readonly TimeSpan StallTimeout = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly HashSet<EventStream> _streams = [];
    private readonly long[] _counts = new long[Enum.GetValues<EventCounter>().Length];
    private readonly int _maxStreams;
    private readonly ITimer _sweep;
    private bool _isStopped;

    public EventStreams(IConference conference, int maxStreams, TimeProvider time)
    {
        Conference = conference;
        Time = time;
        _maxStreams = maxStreams;
        _sweep = time.CreateTimer(static streams => ((EventStreams)streams!).Sweep(), this, SweepInterval, Timeout.InfiniteTimeSpan);
    }

    public IConference Conference { get; }
    public TimeProvider Time { get; }

    /// <summary>All, and those whose client does not take what was written.</summary>
    public (int All, int Stalled) StreamCounts
    {
        get
        {
            lock (_gate)
            {
                return (_streams.Count, _streams.Count(stream => stream.IsStalled));
            }
        }
    }

    public void Count(EventCounter counter) => Interlocked.Increment(ref _counts[(int)counter]);

    public long Read(EventCounter counter) => Interlocked.Read(ref _counts[(int)counter]);

    /// <summary>False at the bound, and once the server stops.</summary>
    public bool TryAdd(EventStream stream)
    {
        lock (_gate)
        {
            return !_isStopped && _streams.Count < _maxStreams && _streams.Add(stream);
        }
    }

    public void Remove(EventStream stream)
    {
        lock (_gate)
        {
            _streams.Remove(stream);
        }
    }

    /// <summary>Ends all, and lets none begin: the server stops.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _isStopped = true;
        }

        foreach (EventStream stream in Snapshot())
        {
            stream.End("server_stopping");
        }
    }

    public IEnumerable<MetricSample> Collect()
    {
        (int all, int stalled) = StreamCounts;
        yield return new MetricSample("v100_event_streams", "Clients that are told what happens in a room.", MetricKind.Gauge, "", all);
        yield return new MetricSample("v100_stalled_event_streams", "Of these, those that do not take now what was written to them.", MetricKind.Gauge, "", stalled);
        foreach (EventCounter counter in Enum.GetValues<EventCounter>())
        {
            yield return new MetricSample(
                "v100_event_streams_total", "What the streams of events did, by kind.", MetricKind.Counter, $"kind=\"{SnakeCase.Of(counter.ToString())}\"", Read(counter));
        }
    }

    public void Dispose() => _sweep.Dispose();

    private void Sweep()
    {
        DateTimeOffset now = Time.GetUtcNow();
        foreach (EventStream stream in Snapshot())
        {
            if (stream.StalledFor >= StallTimeout)
            {
                Count(EventCounter.ClosedSlow);
                stream.Abort();
            }
            else if (stream.ExpiresAt <= now)
            {
                stream.End("token_expired");
            }
            else if (stream.Quiet >= HeartbeatInterval)
            {
                stream.Beat();
            }
        }

        lock (_gate)
        {
            if (!_isStopped)
            {
                _sweep.Change(SweepInterval, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Those that there are: what is done to one may take it away.</summary>
    private EventStream[] Snapshot()
    {
        lock (_gate)
        {
            return [.. _streams];
        }
    }
}
