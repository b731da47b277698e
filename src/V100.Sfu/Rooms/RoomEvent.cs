using V100.Sfu.Forwarding;

namespace V100.Sfu.Rooms;

/// <summary>What can become of a room and of what is in it.</summary>
public enum RoomEventKind
{
    RoomCreated,

    /// <summary>It is gone; <see cref="Room.EndReason"/> says why.</summary>
    RoomEnded,

    /// <summary>The participant's first session was opened.</summary>
    ParticipantJoined,

    /// <summary>The participant's last session was closed.</summary>
    ParticipantLeft,

    /// <summary>An offer was answered.</summary>
    SessionOpened,

    /// <summary>Media can flow.</summary>
    SessionConnected,

    /// <summary>It is gone; <see cref="Session.CloseReason"/> says why.</summary>
    SessionClosed,

    /// <summary>Subscribers can play it.</summary>
    TrackPublished,

    /// <summary>They cannot any more: its session was closed, or its participant may not publish it now.</summary>
    TrackUnpublished,

    /// <summary>By the application.</summary>
    TrackMuted,
    TrackUnmuted,
}

/// <summary>What became of a room or of what is in it, in the order in which it happened.</summary>
/// <param name="Kind">Says which of the others are there.</param>
/// <param name="Room">Always there.</param>
/// <param name="Participant">Null for events of the room itself.</param>
/// <param name="Session">Of a session's event and of a track's.</param>
/// <param name="Track">Of a track's event.</param>
public readonly record struct RoomEvent(RoomEventKind Kind, Room Room, Participant? Participant = null, Session? Session = null, PublishedTrack? Track = null);
