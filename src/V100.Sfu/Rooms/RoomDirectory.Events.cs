using V100.Sfu.Forwarding;

namespace V100.Sfu.Rooms;

public sealed partial class RoomDirectory
{
    private readonly Queue<RoomEvent> _events = new();

    /// <summary>The next thing that became of a room; drained like the commands.</summary>
    public bool TryPollEvent(out RoomEvent e) => _events.TryDequeue(out e);

    private void Tell(RoomEventKind kind, Room room) => _events.Enqueue(new RoomEvent(kind, room));

    private void Tell(RoomEventKind kind, Participant participant) => _events.Enqueue(new RoomEvent(kind, participant.Room, participant));

    private void Tell(RoomEventKind kind, Session session) =>
        _events.Enqueue(new RoomEvent(kind, session.Participant.Room, session.Participant, session));

    /// <summary>Of a session that is not connected yet nothing is told: its tracks are when it is.</summary>
    private void TellIfPlayed(RoomEventKind kind, Participant participant, PublishedTrack track)
    {
        if (participant.Publishing is { State: SessionState.Connected } session)
        {
            _events.Enqueue(new RoomEvent(kind, participant.Room, participant, session, track));
        }
    }

    private void TellTracks(RoomEventKind kind, Session session)
    {
        foreach (PublishedTrack track in session.PermittedTracks)
        {
            _events.Enqueue(new RoomEvent(kind, session.Participant.Room, session.Participant, session, track));
        }
    }
}
