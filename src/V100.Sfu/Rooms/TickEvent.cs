namespace V100.Sfu.Rooms;

/// <summary>What a <see cref="TickListener"/> has to do next.</summary>
public enum TickEventKind
{
    /// <summary>The whole state of the room; what the listener knew before is void.</summary>
    Snapshot,

    /// <summary>What changed since the state before.</summary>
    Tick,

    /// <summary>The room is gone; nothing comes behind it.</summary>
    End,

    /// <summary>The listener missed something: there is nothing to take, but <see cref="RoomDirectory.Refresh"/> to call for a snapshot.</summary>
    Behind,
}

/// <summary>One thing to be taken by <see cref="TickListener.TryTake"/>.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Id">The state that it leads to.</param>
/// <param name="Length">Of its JSON, in bytes.</param>
public readonly record struct TickEvent(TickEventKind Kind, TickId Id, int Length)
{
    /// <summary>Of a snapshot: never written to again, so it is read without the log's lock.</summary>
    internal byte[]? Snapshot { get; init; }
}

/// <summary>Whether a listener was let in.</summary>
public enum ListenOutcome
{
    Listening,
    NoSuchRoom,

    /// <summary><see cref="RoomLimits.MaxListenersPerRoom"/> is reached.</summary>
    TooManyListeners,
}
