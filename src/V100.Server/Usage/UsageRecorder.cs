using System.Diagnostics;
using V100.Net.Sockets;
using V100.Server.Storage;

namespace V100.Server.Usage;

/// <summary>
/// Writes ahead what the <see cref="UsageMeter"/> counts: bytes as often as it can be had for little, so that a crash loses as little, and times once a second. One
/// write is on its way at a time; what is counted meanwhile goes with the next, so that a store that fails delays and never loses.
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

    public void Start() => _loop = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        long timedAt = Stopwatch.GetTimestamp();
        TimeSpan interval = ShortestInterval;
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            bool withTimes = _stop.IsCancellationRequested || Stopwatch.GetElapsedTime(timedAt) >= LongestInterval;
            timedAt = withTimes ? Stopwatch.GetTimestamp() : timedAt;
            TimeSpan next = await RecordAsync(withTimes).ConfigureAwait(false) * IntervalPerCost;
            interval = next > LongestInterval || meter.IsIdle ? LongestInterval : next < ShortestInterval ? ShortestInterval : next;
        }
    }

    /// <summary>Returns what it cost, without the time that the disk took.</summary>
    private async Task<TimeSpan> RecordAsync(bool withTimes)
    {
        long began = Stopwatch.GetTimestamp();
        foreach ((UsageKey key, UsageAmount amount) in meter.Collect(MonotonicClock.Now, time.GetUtcNow(), withTimes))
        {
            _waiting[key] = _waiting.GetValueOrDefault(key) + amount;
        }

        TimeSpan cost = Stopwatch.GetElapsedTime(began);
        if (_waiting.Count == 0)
        {
            return cost;
        }

        var write = new Write(_waiting);
        if (store.TryPost(write) && await write.Completion.ConfigureAwait(false))
        {
            _waiting = [];
        }

        return cost + write.Cost;
    }

    private sealed class Write(Dictionary<UsageKey, UsageAmount> amounts) : StoreWrite
    {
        private readonly TaskCompletionSource<bool> _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Whether it was committed.</summary>
        public Task<bool> Completion => _completed.Task;

        public TimeSpan Cost { get; private set; }

        public override void Apply(Statements statements)
        {
            long began = Stopwatch.GetTimestamp();
            UsageTable.Add(statements, amounts);
            Cost = Stopwatch.GetElapsedTime(began);
        }

        public override void OnCommitted() => _completed.TrySetResult(true);

        public override void OnDropped() => _completed.TrySetResult(false);
    }
}
