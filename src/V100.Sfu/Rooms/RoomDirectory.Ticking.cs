using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

/// <summary>What listeners of a room are told: the one place that says to <see cref="RoomTick"/> what happened.</summary>
public sealed partial class RoomDirectory
{
    /// <summary>As long as this what happens in a room without listeners is kept, so that its only one may come back.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(30);

    private static readonly byte[] _roomEnded = "{\"reason\":\"room_ended\"}"u8.ToArray();

    private readonly TickSchedule _ticks = new();

    // By rising Until: what RoomTick.LingersUntil was when it came here. Each once.
    private readonly Queue<(Instant Until, Room Room, RoomTick Tick)> _lingering = new();

    /// <summary>Rooms of which something is gathered: those with listeners, and those that had some a moment ago.</summary>
    public int TickingRoomCount { get; private set; }

    /// <summary>How often a room told its listeners something.</summary>
    public long TickCount => _ticks.TickCount;

    /// <summary>When to call <see cref="HandleTick"/>; earlier than every other instant for at once.</summary>
    public Instant NextTick => Instant.Earlier(_ticks.Next, _lingering.TryPeek(out var first) ? first.Until : Instant.Never);

    /// <summary>Tells the listeners what changed, in the rooms in which something did; then drain <see cref="TryPollTold"/>.</summary>
    public void HandleTick(Instant now)
    {
        _ticks.Run(now);
        while (_lingering.TryPeek(out var first) && first.Until <= now)
        {
            _lingering.Dequeue();
            first.Tick.IsLingering = false;
            if (first.Room.Tick != first.Tick)
            {
                continue; // The room ended, and another one may have come.
            }

            if (first.Tick.LingersUntil > now)
            {
                Linger(first.Room, first.Tick);
                continue;
            }

            first.Room.Tick = null;
            TickingRoomCount--;
        }
    }

    /// <summary>The next log with something new: wake its listeners, on any thread.</summary>
    public bool TryPollTold(out TickLog log) => _ticks.TryPollTold(out log);

    /// <summary>From now on the listener gets what happens in the room, beginning with a snapshot, or where it stopped before.</summary>
    /// <param name="roomName">The room.</param>
    /// <param name="listener">A new one.</param>
    /// <param name="last">The last state that it knows, of an earlier listener; null for none.</param>
    public ListenOutcome AddListener(string roomName, TickListener listener, TickId? last)
    {
        if (!_rooms.TryGetValue(roomName, out Room? room))
        {
            return ListenOutcome.NoSuchRoom;
        }

        if (room.Tick?.Log.ListenerCount >= _limits.MaxListenersPerRoom)
        {
            return ListenOutcome.TooManyListeners;
        }

        RoomTick tick = room.Tick ??= CreateTick(room);
        tick.LingersUntil = Instant.Never;
        tick.Log.Add(listener, last);
        listener.Room = room;
        _ticks.Mark(tick);
        return ListenOutcome.Listening;
    }

    /// <summary>The listener is <see cref="TickEventKind.Behind"/>: it gets a snapshot with the next tick.</summary>
    public void Refresh(TickListener listener)
    {
        if (listener.Room?.Tick is { } tick && tick.Log == listener.Log)
        {
            _ticks.Mark(tick);
        }
    }

    /// <summary>The listener is gone.</summary>
    public void RemoveListener(TickListener listener, Instant now)
    {
        listener.Log?.Remove(listener);
        if (listener.Room is { Tick: { Log.ListenerCount: 0 } tick } room && tick.Log == listener.Log)
        {
            tick.LingersUntil = now + LingerTime;
            Linger(room, tick);
        }
    }

    /// <summary>A participant has another name, or other metadata.</summary>
    internal static void TellUpdated(Participant participant) =>
        participant.Room.Tick?.Updated(participant.Identity, participant.Name, participant.Metadata);

    /// <summary>A track was silenced, or is not any more.</summary>
    internal static void TellMuted(Participant publisher, PublishedTrack track, bool isMuted) => publisher.Room.Tick?.Muted(track.Id, isMuted);

    private void Linger(Room room, RoomTick tick)
    {
        if (!tick.IsLingering && tick.LingersUntil != Instant.Never)
        {
            tick.IsLingering = true;
            _lingering.Enqueue((tick.LingersUntil, room, tick));
        }
    }

    private RoomTick CreateTick(Room room)
    {
        var tick = new RoomTick(room.Name, _ticks, _entropy.NextUInt64());
        foreach (Participant participant in room.Participants)
        {
            TellJoined(tick, participant);
            foreach (PublishedTrack track in participant.Tracks)
            {
                TellPublished(tick, participant, track);
            }

            foreach (Session session in participant.Sessions)
            {
                TellAdapted(tick, session);
            }
        }

        room.Audio?.TellSpeakers(tick);
        tick.Settle();
        TickingRoomCount++;
        return tick;
    }

    private static void TellJoined(RoomTick? tick, Participant participant) =>
        tick?.Joined(participant.Identity, participant.Name, participant.Metadata, participant.JoinedAt);

    private static void TellConnected(Session session)
    {
        if (session.Participant.Room.Tick is not { } tick)
        {
            return;
        }

        foreach (PublishedTrack track in session.PermittedTracks)
        {
            TellPublished(tick, session.Participant, track);
        }
    }

    /// <summary>What the session may publish is other than before.</summary>
    private static void TellPermitted(Session session)
    {
        if (session.State != SessionState.Connected || session.Participant.Room.Tick is not { } tick)
        {
            return;
        }

        foreach (PublishedTrack track in session.Tracks)
        {
            if (track.Hold.HasFlag(TrackHold.Withdrawn))
            {
                tick.Unpublished(track.Id);
            }
            else
            {
                TellPublished(tick, session.Participant, track);
            }
        }
    }

    private static void TellPublished(RoomTick tick, Participant participant, PublishedTrack track)
    {
        string[] rids = Array.ConvertAll(track.Encodings, encoding => encoding.Rid);
        tick.Published(participant.Identity, track.Id, track.Kind, TrackSourceOrder.NameOf(track.Source), rids, track.Hold.HasFlag(TrackHold.Muted));
        tick.Wanted(track.Id, WantedOf(track));
    }

    /// <summary>What the session's subscriptions are sent, and what is wanted of its tracks, as the shards say.</summary>
    private static void TellAdapted(RoomTick? tick, Session session)
    {
        if (tick is null)
        {
            return;
        }

        foreach (PublishedTrack track in session.Tracks)
        {
            tick.Wanted(track.Id, WantedOf(track));
        }

        foreach (MediaSection section in session.Peer.Negotiated.Sections)
        {
            if (!section.IsSent)
            {
                continue;
            }

            if (session.Peer.GetPause(section.Index) is { } reason)
            {
                tick.Paused(session.Participant.Identity, section.Sender.TrackId, session.Peer.GetSource(section.Index)?.Id, reason);
            }
            else
            {
                tick.Resumed(section.Sender.TrackId);
            }
        }
    }

    private static uint WantedOf(PublishedTrack track)
    {
        uint wanted = 0;
        for (int index = 0; index < track.Encodings.Length; index++)
        {
            wanted |= track.Encodings[index].IsWanted ? 1u << index : 0;
        }

        return wanted;
    }

    private static void TellClosed(Session session)
    {
        if (session.Participant.Room.Tick is not { } tick)
        {
            return;
        }

        foreach (PublishedTrack track in session.Tracks)
        {
            tick.Unpublished(track.Id);
        }

        foreach (MediaSection section in session.Peer.Negotiated.Sections)
        {
            if (section.IsSent)
            {
                tick.Unsubscribed(section.Sender.TrackId);
            }
        }
    }

    /// <summary>The last tick of a room that ends, and the end of its listeners' streams.</summary>
    private void EndTick(Room room)
    {
        if (room.Tick is not { } tick)
        {
            return;
        }

        room.Tick = null;
        TickingRoomCount--;
        _ticks.Finish(tick);
        tick.Log.End(_roomEnded);
    }
}
