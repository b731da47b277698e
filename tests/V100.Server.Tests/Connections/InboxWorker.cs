using V100.Net;
using V100.Server.Connections;

namespace V100.Server.Tests.Connections;

/// <summary>A worker that reads its inbox when a test says so.</summary>
internal sealed class InboxWorker : IWakeable
{
    public InboxWorker(int capacity = MailboxSink.DefaultCapacity)
    {
        Sink = new MailboxSink([this], capacity);
    }

    public MailboxSink Sink { get; }

    public int Wakes { get; private set; }

    public void Wake() => Wakes++;

    /// <summary>The next message, copied.</summary>
    public async Task<(ClientConnection Connection, ConnectionMessageKind Kind, byte[] Bytes)> ReadAsync()
    {
        (ClientConnection, ConnectionMessageKind, byte[]) read = default;
        await StreamClient.UntilAsync(() =>
        {
            bool got = Sink.Inbox(0).TryRead(out ConnectionMessage message);
            read = got ? (message.Connection, message.Kind, message.Bytes.ToArray()) : default;
            return got;
        });
        return read;
    }
}
