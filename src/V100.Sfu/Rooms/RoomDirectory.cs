using V100.Net;
using V100.Sfu.Peers;

namespace V100.Sfu.Rooms;

/// <summary>
/// All rooms with their participants and sessions, and who plays what: the control plane's state machine. It knows
/// nothing of HTTP, of threads or of the packets themselves.
/// </summary>
/// <remarks>
/// Not thread-safe: the caller serialises. After every call drain <see cref="TryPollCommand"/> into the shards'
/// mailboxes and <see cref="TryPollEvent"/>, and call <see cref="HandleDeadline"/> when <see cref="NextDeadline"/> has come, and likewise <see cref="HandleTick"/>.
/// A command that a full mailbox refused is given back with <see cref="Retry"/>. What shards report comes in through <see cref="HandleEvent"/>.
/// </remarks>
public sealed partial class RoomDirectory
{
    private readonly RoomLimits _limits;
    private TransportParameters _transport;
    private readonly PeerDirectory _peers;
    private readonly IEntropy _entropy;
    private readonly Dictionary<string, Room> _rooms = new(StringComparer.Ordinal);
    private readonly NameOrder _roomNames = new();
    private readonly Queue<PeerDescriptor> _toSynchronize = new();
    private Instant _nextSweep = Instant.Never;
    private ulong _lastVersion;

    public RoomDirectory(RoomLimits limits, TransportParameters transport, PeerDirectory peers, IEntropy entropy)
    {
        _limits = limits;
        _transport = transport;
        _peers = peers;
        _entropy = entropy;

        // Not from 0, or a version of before a restart would name another state of now.
        _lastVersion = entropy.NextUInt64() >> 16;
    }

    /// <summary>Further candidates of every answer from now on: those of a listener that was bound later.</summary>
    public void OfferAlso(IReadOnlyList<TransportAddress> candidates) =>
        _transport = _transport with { Candidates = [.. _transport.Candidates, .. candidates] };

    public RoomLimits Limits => _limits;

    public IReadOnlyCollection<Room> Rooms => _rooms.Values;

    /// <summary>A page of the rooms, in the order of their names.</summary>
    /// <param name="after">The name behind which it begins; null for the first page.</param>
    /// <param name="count">The most of them.</param>
    public List<Room> List(string? after, int count) => _roomNames.Take(after, count).ConvertAll(name => _rooms[name]);

    public bool TryGetRoom(string name, out Room room) => _rooms.TryGetValue(name, out room!);

    /// <param name="name">Unique; the caller has checked its form.</param>
    /// <param name="settings">What the creator chooses; ignored where the room exists.</param>
    /// <param name="now">Now.</param>
    /// <param name="clock">The same moment for people.</param>
    /// <param name="room">The room, unless the outcome is <see cref="RoomOutcome.TooManyRooms"/>.</param>
    public RoomOutcome Create(string name, RoomSettings settings, Instant now, DateTimeOffset clock, out Room room)
    {
        if (_rooms.TryGetValue(name, out room!))
        {
            return RoomOutcome.Existing;
        }

        if (_rooms.Count >= _limits.MaxRooms)
        {
            return RoomOutcome.TooManyRooms;
        }

        room = new Room(name, ParticipantBound(settings), settings.EmptyTimeout ?? _limits.EmptyTimeout, settings.Metadata, clock)
        {
            EmptySince = now,
            Version = NextVersion(),
        };
        _rooms.Add(name, room);
        _roomNames.Add(name);
        SweepAt(now + room.EmptyTimeout);
        Tell(RoomEventKind.RoomCreated, room);
        return RoomOutcome.Created;
    }

    /// <summary>Changes what its creator chose. Who is in it stays, also beyond a smaller bound.</summary>
    /// <param name="room">Of this directory.</param>
    /// <param name="settings">All of them; null for what the configuration says.</param>
    public void Change(Room room, RoomSettings settings)
    {
        room.MaxParticipants = ParticipantBound(settings);
        room.EmptyTimeout = settings.EmptyTimeout ?? _limits.EmptyTimeout;
        room.Metadata = settings.Metadata;
        room.Version = NextVersion();
        SweepAt(room.EmptySince + room.EmptyTimeout);
    }

    private int ParticipantBound(RoomSettings settings) => Math.Min(settings.MaxParticipants ?? _limits.MaxParticipantsPerRoom, _limits.MaxParticipantsPerRoom);

    /// <summary>Ends the room and every session in it. False where there is none of that name.</summary>
    public bool Delete(string name, Instant now)
    {
        if (!_rooms.TryGetValue(name, out Room? room))
        {
            return false;
        }

        foreach (Participant participant in (Participant[])[.. room.Participants])
        {
            CloseAll(participant, PeerCloseReason.RoomClosed, now);
        }

        End(room, RoomEndReason.Deleted);
        return true;
    }

    /// <summary>Ends every session of the participant. False where there is no such room or participant.</summary>
    public bool RemoveParticipant(string roomName, string identity, Instant now)
    {
        if (!_rooms.TryGetValue(roomName, out Room? room) || !room.TryGetParticipant(identity, out Participant participant))
        {
            return false;
        }

        CloseAll(participant, PeerCloseReason.ParticipantRemoved, now);
        return true;
    }

    /// <summary>Ends every session and every room: the server stops.</summary>
    public void CloseEverything(Instant now)
    {
        foreach (Session session in (Session[])[.. _sessions.Values])
        {
            Close(session, PeerCloseReason.ServerStopping, now);
        }

        foreach (Room room in (Room[])[.. _rooms.Values])
        {
            End(room, RoomEndReason.ServerStopping);
        }
    }

    private void End(Room room, RoomEndReason reason)
    {
        EndTick(room);
        room.EndReason = reason;
        _rooms.Remove(room.Name);
        _roomNames.Remove(room.Name);
        Tell(RoomEventKind.RoomEnded, room);
    }

    /// <summary>The next command, and the shard whose mailbox it goes to.</summary>
    public bool TryPollCommand(out int shard, out ShardCommand command)
    {
        if (_toSynchronize.TryDequeue(out PeerDescriptor? peer))
        {
            shard = peer.OwnerShard;
            command = new ShardCommand(ShardCommandKind.Synchronize, peer);
            return true;
        }

        shard = -1;
        command = default;
        return false;
    }

    /// <summary>Gives back a command that a full mailbox refused; it comes again at the next poll.</summary>
    public void Retry(in ShardCommand command) => _toSynchronize.Enqueue(command.Peer);

    /// <summary>What a shard reported of one of its peers.</summary>
    public void HandleEvent(in PeerEvent e, Instant now)
    {
        if (!_byPeer.TryGetValue(e.Peer.Id, out Session? session))
        {
            return; // Closed here first; the shard's report crossed it.
        }

        if (e.Kind == PeerEventKind.Closed)
        {
            Close(session, e.Reason, now);
        }
        else if (e.Kind == PeerEventKind.Adapted)
        {
            session.Peer.TakeAdapted();
            TellAdapted(session.Participant.Room.Tick, session);
        }
        else if (session.State == SessionState.Connecting)
        {
            session.State = SessionState.Connected;
            session.Peer.Negotiated.AnswerText = ""; // The client has read it, or there would be no connection.
            Tell(RoomEventKind.SessionConnected, session);
            TellTracks(RoomEventKind.TrackPublished, session);
            TellConnected(session);
            BeginListening(session, now);
            BeginScoring(session, now);
            AssignSources(session.Participant.Room);
        }
    }

    public Instant NextDeadline => Instant.Earlier(_nextSweep, Instant.Earlier(_nextListening, _nextScoring));

    public void HandleDeadline(Instant now)
    {
        if (now >= _nextListening)
        {
            Listen(now);
        }

        if (now >= _nextScoring)
        {
            Score(now);
        }

        if (now >= _nextSweep)
        {
            _nextSweep = Instant.Never;
            SweepSessions(now);
            SweepRooms(now);
        }
    }

    private void SweepRooms(Instant now)
    {
        foreach (Room room in (Room[])[.. _rooms.Values])
        {
            if (room.Participants.Count > 0)
            {
                continue;
            }

            Instant end = room.EmptySince + room.EmptyTimeout;
            if (end <= now)
            {
                End(room, RoomEndReason.Empty);
            }
            else
            {
                SweepAt(end);
            }
        }
    }

    private ulong NextVersion() => ++_lastVersion;

    private void SweepAt(Instant deadline) => _nextSweep = Instant.Earlier(_nextSweep, deadline);

    private void CloseAll(Participant participant, PeerCloseReason reason, Instant now)
    {
        foreach (Session session in (Session[])[.. participant.Sessions])
        {
            Close(session, reason, now);
        }
    }
}
