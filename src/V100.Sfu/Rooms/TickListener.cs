namespace V100.Sfu.Rooms;

/// <summary>One that is told what happens in a room: its place in the room's <see cref="TickLog"/>.</summary>
/// <remarks>
/// After <see cref="RoomDirectory.AddListener"/> one thread at a time looks (<see cref="TryPeek"/>) and takes (<see cref="TryTake"/>) until there is nothing,
/// then waits for <see cref="Wake"/>. Any thread that does so may be as slow as it likes: what it has not taken in time is dropped, and it gets a
/// snapshot instead. It ends with <see cref="RoomDirectory.RemoveListener"/>.
/// </remarks>
public abstract class TickListener
{
    internal TickLog? Log { get; set; }

    /// <summary>For the room layer alone.</summary>
    internal Room? Room { get; set; }

    /// <summary>The number of the tick that it takes next. Under the log's lock.</summary>
    internal long Next { get; set; }

    /// <summary>Only a snapshot helps it. Under the log's lock.</summary>
    internal bool AwaitsSnapshot { get; set; }

    /// <summary>What comes next; false for nothing now.</summary>
    public bool TryPeek(out TickEvent next)
    {
        next = default;
        return Log?.TryPeek(this, out next) == true;
    }

    /// <summary>Takes what <see cref="TryPeek"/> showed. False where it was dropped meanwhile: look again.</summary>
    /// <param name="next">As shown.</param>
    /// <param name="json">Gets UTF-8, without line breaks; exactly as long as the event.</param>
    public bool TryTake(in TickEvent next, Span<byte> json) => Log?.TryTake(this, in next, json) == true;

    /// <summary>There may be something to take. Called by the thread that calls <see cref="TickLog.WakeListeners"/>; must not block.</summary>
    protected internal abstract void Wake();
}
