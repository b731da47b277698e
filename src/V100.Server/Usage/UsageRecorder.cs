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
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(1);

    /// <summary>The interval is so many times the work of the last round: a hundredth of a core at most, while it is shorter than the longest.</summary>
    private const int IntervalPerCost = 100;

    /// <summary>Set at the end; what the loop waits at. A thread of its own sleeps and wakes for less than a timer, its thread and one of the pool.</summary>
    private readonly ManualResetEvent _stop = new(false);
    private Thread? _loop;
    private Dictionary<UsageKey, UsageAmount> _waiting = [];
    private Dictionary<UsageKey, UsageAmount> _spare = [];
    private Write? _onTheWay;

    public void Start()
    {
        _loop = new Thread(Run) { Name = "v100-usage", IsBackground = true };
        _loop.Start();
    }

    /// <summary>Counts once more, and has it written.</summary>
    public async ValueTask DisposeAsync()
    {
        _stop.Set();
        _loop?.Join();
        await store.FlushAsync().ConfigureAwait(false);
        Record(withTimes: true);
        await store.FlushAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private void Run()
    {
        long timedAt = Stopwatch.GetTimestamp();
        TimeSpan interval = ShortestInterval;
        while (!_stop.WaitOne(interval))
        {
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
        meter.Collect(_waiting, MonotonicClock.Now, time.GetUtcNow(), withTimes);
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
            _spare = former.Amounts;
            Clear(_spare);
        }

        if (_waiting.Count > 0 && new Write(_waiting) is var write && store.TryPost(write))
        {
            _onTheWay = write;
            _waiting = _spare;
        }

        return cost;
    }

    /// <summary>For the next round, which mostly counts the same participants: room for those is kept, and no room of a rush that is over.</summary>
    private static void Clear(Dictionary<UsageKey, UsageAmount> amounts)
    {
        int used = amounts.Count;
        amounts.Clear();
        if (amounts.Capacity > 4 * Math.Max(used, 64))
        {
            amounts.TrimExcess(used);
        }
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
