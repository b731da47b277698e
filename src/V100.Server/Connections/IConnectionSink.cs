namespace V100.Server.Connections;

/// <summary>What a connection tells whoever serves it.</summary>
internal enum ConnectionMessageKind : byte
{
    /// <summary>One whole packet, without its framing.</summary>
    Message,

    /// <summary>The connection is over; nothing follows. It comes for each connection that had a message.</summary>
    Closed,
}

/// <summary>Where the packets of connections go: workers, or something simple in their place.</summary>
internal interface IConnectionSink
{
    /// <summary>Connections are spread over so many workers.</summary>
    int WorkerCount { get; }

    /// <summary>
    /// Any thread; one call at a time for each connection. False when there is no room: nothing is lost, since the connection stops
    /// reading and tries again after <see cref="WaitForRoomAsync"/>.
    /// </summary>
    /// <remarks>Whoever has dealt with <see cref="ConnectionMessageKind.Closed"/> calls <see cref="ClientConnection.Release"/>.</remarks>
    /// <param name="connection">Its <see cref="ClientConnection.Worker"/> says for whom.</param>
    /// <param name="kind">What it tells.</param>
    /// <param name="message">The packet, valid during the call.</param>
    bool TryDeliver(ClientConnection connection, ConnectionMessageKind kind, ReadOnlySpan<byte> message);

    /// <summary>
    /// Completes when it is worth trying again. Room may have been made before this call: whoever calls tries once more before it waits.
    /// </summary>
    Task WaitForRoomAsync(ClientConnection connection);
}
