namespace V100.Sfu.Rooms;

public enum SessionEventKind
{
    /// <summary>An offer was answered.</summary>
    Opened,

    /// <summary>Media can flow.</summary>
    Connected,

    /// <summary>It is gone; <see cref="Session.CloseReason"/> says why.</summary>
    Closed,
}

/// <summary>What became of a session, in the order in which it happened.</summary>
public readonly record struct SessionEvent(SessionEventKind Kind, Session Session);
