using V100.Net;
using V100.Server.Connections;

namespace V100.Server.Workers;

/// <summary>
/// Clients' connections of one worker that may be idle, since they carry an allocation or media. The end of these is told to no connection:
/// so all are looked at now and then, and one that carries nothing any more gets its idle deadline back. The worker's thread alone calls it.
/// </summary>
/// <param name="isServed">Whether something lives that the connection carries.</param>
internal sealed class KeptConnections(Func<ClientConnection, bool> isServed)
{
    /// <summary>Short beside the idle deadline that follows, long beside the cost of a look at all.</summary>
    public static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);

    private readonly HashSet<ClientConnection> _connections = [];

    public int Count => _connections.Count;

    public Instant NextDeadline { get; private set; } = Instant.Never;

    /// <summary>A message of the connection has been dealt with.</summary>
    public void Look(ClientConnection connection, Instant now)
    {
        if (!connection.IsKept && isServed(connection))
        {
            connection.KeepOpen();
            _connections.Add(connection);
            NextDeadline = Instant.Earlier(NextDeadline, now + LookInterval);
        }
    }

    /// <summary>The connection is over.</summary>
    public void Remove(ClientConnection connection) => _connections.Remove(connection);

    public void HandleDeadline(Instant now)
    {
        if (now < NextDeadline)
        {
            return;
        }

        foreach (ClientConnection connection in _connections)
        {
            if (!isServed(connection))
            {
                _connections.Remove(connection);
                connection.LetExpire();
            }
        }

        NextDeadline = _connections.Count > 0 ? now + LookInterval : Instant.Never;
    }
}
