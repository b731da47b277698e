using V100.Server.Control;
using V100.Server.Storage;

namespace V100.Server.Webhooks;

/// <summary>
/// Posts what waits in the store, again and again until it is delivered or too old. The events of one room go to one URL one after the other, in their order; rooms
/// and URLs do not wait for each other, but for the <see cref="MaxPostsPerUrl"/> that are under way at a time.
/// </summary>
/// <remarks>An event is posted at least once: it is marked as delivered after the answer, and a process that ends in between posts it again.</remarks>
internal sealed class WebhookDispatcher : IAsyncDisposable
{
    /// <summary>Deliveries to one URL that wait at most; what happens beyond is not told to that URL, and counted.</summary>
    public const int MaxWaitingPerUrl = 100_000;

    public const int MaxPostsPerUrl = 32;
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan StopPoll = TimeSpan.FromMilliseconds(10);

    private readonly Store _store;
    private readonly WebhookSender _sender;
    private readonly TimeProvider _time;
    private readonly TimeSpan _maxAge;
    private readonly Dictionary<string, Target> _targets;
    private readonly CancellationTokenSource _stop = new();
    private int _busy;
    private long _delivered;
    private long _failed;
    private long _givenUp;
    private long _dropped;

    /// <param name="store">Where events wait.</param>
    /// <param name="sender">Posts them.</param>
    /// <param name="urls">Where to.</param>
    /// <param name="maxAge">After which an event is given up.</param>
    /// <param name="time">For ages and pauses.</param>
    public WebhookDispatcher(Store store, WebhookSender sender, IEnumerable<Uri> urls, TimeSpan maxAge, TimeProvider time)
    {
        _store = store;
        _sender = sender;
        _maxAge = maxAge;
        _time = time;
        _targets = urls.Select(url => url.AbsoluteUri).Distinct().ToDictionary(url => url, _ => new Target(), StringComparer.Ordinal);
    }

    public IReadOnlyCollection<string> Urls => _targets.Keys;

    /// <summary>Whether one more may wait for this URL; the store's thread asks.</summary>
    public bool HasRoomFor(string url)
    {
        bool has = Volatile.Read(ref _targets[url].Waiting) < MaxWaitingPerUrl;
        if (!has)
        {
            CountDropped();
        }

        return has;
    }

    public void CountDropped() => Interlocked.Increment(ref _dropped);

    /// <summary>A delivery that stands in the store. Those of a room come in their order.</summary>
    public void Add(Delivery delivery)
    {
        if (!_targets.TryGetValue(delivery.Url, out Target? target))
        {
            Record(delivery.Id, DeliveryState.GivenUp, delivery.FormerAttempts, new AttemptResult(null, "This URL is not in V100:Webhooks:Urls any more."));
            return;
        }

        Interlocked.Increment(ref target.Waiting);
        lock (target.Lanes)
        {
            if (!target.Lanes.TryGetValue(delivery.Room, out Queue<Delivery>? lane))
            {
                target.Lanes.Add(delivery.Room, lane = []);
                Interlocked.Increment(ref _busy);
                _ = Task.Run(() => RunAsync(target, delivery.Room));
            }

            lane.Enqueue(delivery);
        }
    }

    public IEnumerable<MetricSample> Collect()
    {
        const string Help = "Webhooks, by what became of an attempt or of the event: delivered, failed (tried again), given_up (too old), dropped (too many waited, or the store's queue was full).";
        yield return new("v100_webhooks_waiting", "Events that wait for a URL.", MetricKind.Gauge, "", _targets.Values.Sum(target => Volatile.Read(ref target.Waiting)));
        foreach ((string kind, long value) in new[] { ("delivered", _delivered), ("failed", _failed), ("given_up", _givenUp), ("dropped", _dropped) })
        {
            yield return new("v100_webhooks_total", Help, MetricKind.Counter, $"kind=\"{kind}\"", value);
        }
    }

    /// <summary>Lets what can be posted now be posted, for a short while; the rest waits for the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        for (TimeSpan waited = default; Volatile.Read(ref _busy) > 0 && waited < StopPatience; waited += StopPoll)
        {
            await Task.Delay(StopPoll).ConfigureAwait(false);
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        _sender.Close();
    }

    private async Task RunAsync(Target target, string room)
    {
        while (!_stop.IsCancellationRequested && target.TryPeek(room, out Delivery delivery))
        {
            await DeliverAsync(target, delivery).ConfigureAwait(false);
        }

        Interlocked.Decrement(ref _busy);
    }

    /// <summary>Until the receiver has it, it is too old, or the process stops.</summary>
    private async Task DeliverAsync(Target target, Delivery delivery)
    {
        for (int failures = 1; ; failures++)
        {
            AttemptResult result = await AttemptAsync(target, delivery).ConfigureAwait(false);
            if (_stop.IsCancellationRequested)
            {
                return; // What came of it is not known: the next process posts it again.
            }

            bool isDone = result.IsDelivered || _time.GetUtcNow() - delivery.At >= _maxAge;
            DeliveryState state = result.IsDelivered ? DeliveryState.Delivered : isDone ? DeliveryState.GivenUp : DeliveryState.Waiting;
            Record(delivery.Id, state, delivery.FormerAttempts + failures, result);
            if (isDone)
            {
                target.Remove(delivery.Room);
                return;
            }

            Interlocked.Decrement(ref _busy);
            await Task.Delay(WebhookBackoff.After(failures, Random.Shared.NextDouble()), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Interlocked.Increment(ref _busy);
        }
    }

    private async Task<AttemptResult> AttemptAsync(Target target, Delivery delivery)
    {
        try
        {
            await target.Posts.WaitAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return default;
        }

        try
        {
            byte[]? body = await _store.ReadAsync(statements => WebhookTable.Body(statements, delivery.Id), _stop.Token).ConfigureAwait(false);

            // Gone already: another process with the same store has delivered it long ago.
            return body is null ? default : await _sender.PostAsync(delivery.Url, body, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is Microsoft.Data.Sqlite.SqliteException or OperationCanceledException)
        {
            return new AttemptResult(null, exception.Message);
        }
        finally
        {
            target.Posts.Release();
        }
    }

    private void Record(long id, DeliveryState state, int attempts, AttemptResult result)
    {
        Interlocked.Increment(ref state == DeliveryState.Delivered ? ref _delivered : ref state == DeliveryState.GivenUp ? ref _givenUp : ref _failed);
        _store.TryPost(new Outcome(id, state, attempts, result, _time.GetUtcNow()));
    }

    private sealed class Target
    {
        public int Waiting;

        /// <summary>By room; each has a task while something is in it. The lock of all of them.</summary>
        public Dictionary<string, Queue<Delivery>> Lanes { get; } = new(StringComparer.Ordinal);

        public SemaphoreSlim Posts { get; } = new(MaxPostsPerUrl);

        /// <summary>The first of the room; where there is none, the room's lane ends.</summary>
        public bool TryPeek(string room, out Delivery delivery)
        {
            lock (Lanes)
            {
                bool any = Lanes[room].TryPeek(out delivery!);
                if (!any)
                {
                    Lanes.Remove(room);
                }

                return any;
            }
        }

        public void Remove(string room)
        {
            lock (Lanes)
            {
                Lanes[room].Dequeue();
            }

            Interlocked.Decrement(ref Waiting);
        }
    }

    private sealed class Outcome(long id, DeliveryState state, int attempts, AttemptResult result, DateTimeOffset at) : StoreWrite
    {
        public override void Apply(Statements statements) => WebhookTable.Update(statements, id, state, attempts, result, at);
    }
}
