using System.Diagnostics;
using V100.Net.Sockets;
using V100.Server.Storage;

namespace V100.Server.Usage;

/// <summary>
/// Writes ahead what the <see cref="UsageMeter"/> counts: bytes as often as it can be had for little, so that a crash loses as little, and times once a second. One
/// write is on its way at a time; what is counted meanwhile goes with the next, so that a store that fails delays and never loses. What waits then is one amount
/// for each participant and hour.
/// </summary>
internal sealed class UsageRecorder(UsageMeter meter, Store store, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(1);

    /// <summary>The interval is so many times the work of the last round: a fiftieth of a core at most, while it is shorter than the longest.</summary>
    private const int IntervalPerCost = 50;

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;
    private Dictionary<UsageKey, UsageAmount> _waiting = [];
    private Write? _onTheWay;

    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Counts once more, and has it written.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await store.FlushAsync().ConfigureAwait(false);
        Record(withTimes: true);
        await store.FlushAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        long timedAt = Stopwatch.GetTimestamp();
        TimeSpan interval = ShortestInterval;
        while (true)
        {
            await Task.Delay(interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            bool withTimes = Stopwatch.GetElapsedTime(timedAt) >= LongestInterval;
            timedAt = withTimes ? Stopwatch.GetTimestamp() : timedAt;
            TimeSpan next = Record(withTimes) * IntervalPerCost;
            interval = next > LongestInterval || meter.IsIdle ? LongestInterval : next < ShortestInterval ? ShortestInterval : next;
        }
    }

    /// <summary>Returns what it cost, with the work of the last write.</summary>
    private TimeSpan Record(bool withTimes)
    {
        long began = Stopwatch.GetTimestamp();
        Wait(meter.Collect(MonotonicClock.Now, time.GetUtcNow(), withTimes));
        TimeSpan cost = Stopwatch.GetElapsedTime(began);
        if (_onTheWay is { } former)
        {
            if (former.State == WriteState.Queued)
            {
                return cost;
            }

            cost += former.Cost;
            if (former.State == WriteState.Dropped)
            {
                Wait(former.Amounts);
            }

            _onTheWay = null;
        }

        if (_waiting.Count > 0 && new Write(_waiting) is var write && store.TryPost(write))
        {
            _onTheWay = write;
            _waiting = [];
        }

        return cost;
    }

    private void Wait(Dictionary<UsageKey, UsageAmount> amounts)
    {
        foreach ((UsageKey key, UsageAmount amount) in amounts)
        {
            _waiting[key] = _waiting.GetValueOrDefault(key) + amount;
        }
    }

    private enum WriteState
    {
        Queued,
        Committed,
        Dropped,
    }

    private sealed class Write(Dictionary<UsageKey, UsageAmount> amounts) : StoreWrite
    {
        private int _state;
        private long _costTicks;

        public Dictionary<UsageKey, UsageAmount> Amounts => amounts;

        public WriteState State => (WriteState)Volatile.Read(ref _state);

        /// <summary>What the store's thread worked for it, without the time that the disk took.</summary>
        public TimeSpan Cost => new(Volatile.Read(ref _costTicks));

        public override void Apply(Statements statements)
        {
            long began = Stopwatch.GetTimestamp();
            UsageTable.Add(statements, amounts);
            Volatile.Write(ref _costTicks, Stopwatch.GetElapsedTime(began).Ticks);
        }

        public override void OnCommitted() => Volatile.Write(ref _state, (int)WriteState.Committed);

        public override void OnDropped() => Volatile.Write(ref _state, (int)WriteState.Dropped);
    }
}
