using System.Text.Json;
using V100.Server.Storage;
using V100.Sfu.Rooms;

namespace V100.Server.Webhooks;

/// <summary>Puts events into the store, one delivery for each URL, in the order in which they are told; only then are they posted.</summary>
internal sealed class WebhookOutbox(Store store, WebhookDispatcher dispatcher, TimeProvider time)
{
    public bool IsEmpty => dispatcher.Urls.Count == 0;

    /// <summary>Takes up what a former process left. Before anything is told.</summary>
    public void Resume()
    {
        if (store.IsAlone)
        {
            store.TryPost(new Resumption(dispatcher));
        }
    }

    /// <summary>Called under the control plane's lock: it queues.</summary>
    public void Tell(in RoomEvent e)
    {
        if (!IsEmpty)
        {
            Post(WebhookBody.Of(in e, time.GetUtcNow()));
        }
    }

    /// <summary>An event that nothing has caused. Null where it could not be queued, or nobody would get it.</summary>
    public WebhookBody? Test()
    {
        DateTimeOffset now = time.GetUtcNow();
        var body = new WebhookBody(WebhookBody.NewId(now), WebhookBody.TestEvent, now, null);
        return Post(body) ? body : null;
    }

    private bool Post(WebhookBody body)
    {
        bool posted = store.TryPost(new Write(dispatcher, body));
        if (!posted)
        {
            dispatcher.CountDropped();
        }

        return posted;
    }

    private sealed class Resumption(WebhookDispatcher dispatcher) : StoreWrite
    {
        private List<Delivery> _waiting = [];

        public override void Apply(Statements statements) => _waiting = WebhookTable.Waiting(statements);

        public override void OnCommitted() => _waiting.ForEach(dispatcher.Add);
    }

    private sealed class Write(WebhookDispatcher dispatcher, WebhookBody body) : StoreWrite
    {
        private readonly List<Delivery> _deliveries = [];

        public override void Apply(Statements statements)
        {
            byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(body, WebhookJson.Default.WebhookBody);
            _deliveries.Clear();
            _deliveries.AddRange(dispatcher.Urls.Where(dispatcher.HasRoomFor).Select(url => WebhookTable.Add(statements, body, bytes, url)));
        }

        public override void OnCommitted() => _deliveries.ForEach(dispatcher.Add);

        public override void OnDropped() => dispatcher.CountDropped();
    }
}
