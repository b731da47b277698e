using V100.Stun;

namespace V100.Server.Connections;

/// <summary>Answers STUN Binding requests (RFC 8489, 6.2.2) where no worker serves the connections; whatever is no STUN message ends them.</summary>
internal sealed class BindingSink : IConnectionSink
{
    public int WorkerCount => 1;

    public bool TryDeliver(ClientConnection connection, ConnectionMessageKind kind, ReadOnlySpan<byte> message)
    {
        if (kind == ConnectionMessageKind.Closed)
        {
            connection.Release();
            return true;
        }

        if (!StunReader.TryParse(message, out StunReader request))
        {
            connection.Close(ConnectionCloseReason.Garbage);
            return true;
        }

        Span<byte> response = stackalloc byte[BindingServer.MaxResponseLength];
        int length = BindingServer.Respond(request, connection.Remote, response);
        if (length > 0)
        {
            connection.TrySend(response[..length], isMedia: false);
        }

        return true;
    }

    public Task WaitForRoomAsync(ClientConnection connection) => Task.CompletedTask;
}
