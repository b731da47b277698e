using V100.Net;
using V100.Server.Audit;
using V100.Server.Configuration;
using V100.Server.Control;
using V100.Server.Storage;
using V100.Server.Usage;
using V100.Server.Webhooks;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Turn;

namespace V100.Server;

/// <summary>
/// What outlives the process, over one <see cref="Store"/>: usage, audit, and events on their way to webhooks. The media plane tells of what happens in
/// its rooms; nothing here makes it wait.
/// </summary>
internal sealed class Records : IAsyncDisposable
{
    /// <summary>Deliveries that are done with and still shown.</summary>
    private const int KeptDeliveries = 10_000;

    /// <summary>Rows that one round of tidying takes at most; ten seconds of as many calls as the API answers.</summary>
    private const int PrunedAtATime = 40_000;
    private static readonly TimeSpan PruneInterval = TimeSpan.FromSeconds(10);

    private readonly UsageMeter _meter = new();
    private readonly UsageRecorder _recorder;
    private readonly WebhookSender _sender;
    private readonly WebhookDispatcher _dispatcher;
    private readonly ServerOptions _options;
    private readonly TimeProvider _time;
    private ITimer? _pruning;

    /// <param name="options">The configuration.</param>
    /// <param name="time">For what people read, and for webhooks.</param>
    /// <exception cref="StoreException">The store cannot be opened.</exception>
    public Records(ServerOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        Store = new Store(options.StorePath);
        _recorder = new UsageRecorder(_meter, Store, time);
        _sender = new WebhookSender(time);
        _dispatcher = new WebhookDispatcher(Store, _sender, options.WebhookUrls, TimeSpan.FromSeconds(options.WebhookMaxAgeSeconds), time);
        Webhooks = new WebhookOutbox(Store, _dispatcher, time);
        Audit = new AuditLog(Store, time);
    }

    public Store Store { get; }
    public WebhookOutbox Webhooks { get; }
    public AuditLog Audit { get; }

    /// <summary>Begins to write, to count, and to post what a former process left.</summary>
    /// <param name="log">Gets the lines of all of them.</param>
    /// <param name="keys">The first of them signs webhooks.</param>
    /// <param name="turn">The allocations to count.</param>
    public void Start(ILogger log, ApiKeyRing keys, TurnDirectory turn)
    {
        _sender.Keys = keys;
        Store.LogTo(log);
        Audit.Start(log);
        Webhooks.Resume();
        _meter.Begin(turn);
        _recorder.Start();
        _pruning = _time.CreateTimer(_ => Prune(), null, PruneInterval, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something became of a room. Called under the control plane's lock.</summary>
    public void Tell(in RoomEvent e, Instant now)
    {
        Webhooks.Tell(in e);
        if (e.Session is { } session)
        {
            _meter.Tell(e.Kind, session, now);
        }
    }

    /// <summary>A worker has closed a peer, whose figures are final. Called under the control plane's lock.</summary>
    public void TellClosed(PeerDescriptor peer) => _meter.TellClosed(peer);

    public IEnumerable<MetricSample> Collect() => Store.Collect().Concat(_dispatcher.Collect());

    /// <summary>Writes what was told, posts what can be posted at once, and closes the store. After the media plane has ended.</summary>
    public async ValueTask DisposeAsync()
    {
        _pruning?.Dispose();
        await _recorder.DisposeAsync().ConfigureAwait(false);
        await Store.FlushAsync().ConfigureAwait(false);
        await _dispatcher.DisposeAsync().ConfigureAwait(false);
        await Store.DisposeAsync().ConfigureAwait(false);
    }

    private void Prune()
    {
        Store.TryPost(new Pruning(_options, _time.GetUtcNow()));
        _pruning?.Change(PruneInterval, Timeout.InfiniteTimeSpan);
    }

    private sealed class Pruning(ServerOptions options, DateTimeOffset now) : StoreWrite
    {
        public override void Apply(Statements statements)
        {
            AuditTable.Prune(statements, now.AddDays(-options.AuditRetentionDays).ToUnixTimeMilliseconds(), options.AuditMaxEntries, PrunedAtATime);
            WebhookTable.Prune(statements, KeptDeliveries, PrunedAtATime);
            UsageTable.Prune(statements, now.AddDays(-options.UsageRetentionDays).ToUnixTimeSeconds());
        }
    }
}
