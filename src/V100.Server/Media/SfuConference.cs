using V100.Server.Control;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Server.Media;

/// <summary>Rooms and sessions as the control API wants them, over the <see cref="MediaPlane"/>.</summary>
internal sealed partial class SfuConference(MediaPlane plane, TimeProvider time) : IConference
{
    /// <summary>Identities that may not come back, of all rooms; beyond it the longest banned may.</summary>
    private const int MaxBans = 10_000;

    private readonly Queue<SessionOwner> _banOrder = new();
    private readonly HashSet<SessionOwner> _banned = [];

    public int SessionCount => plane.Use((rooms, _) => rooms.SessionCount);

    public int RoomCount => plane.Use((rooms, _) => rooms.Rooms.Count);

    public ValueTask<RoomCreation> CreateRoomAsync(RoomRequest request, CancellationToken cancellation) => new(plane.Use((rooms, now) =>
    {
        var settings = new RoomSettings(
            request.MaxParticipants,
            request.EmptyTimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            request.Metadata);
        RoomOutcome outcome = rooms.Create(request.Name, settings, now, time.GetUtcNow(), out Room room);
        return new RoomCreation(outcome == RoomOutcome.TooManyRooms ? null : ViewOf(room), outcome == RoomOutcome.Created);
    }));

    public ValueTask<RoomView?> GetRoomAsync(string room, CancellationToken cancellation) =>
        new(plane.Use((rooms, _) => rooms.TryGetRoom(room, out Room found) ? ViewOf(found) : null));

    public ValueTask<Listing<RoomView>> ListRoomsAsync(Page page, CancellationToken cancellation) =>
        new(plane.Use((rooms, _) => Cut(rooms.List(page.After, page.Limit + 1), page.Limit, ViewOf)));

    public ValueTask<Listing<ParticipantView>?> ListParticipantsAsync(string room, Page page, CancellationToken cancellation) =>
        new(plane.Use((rooms, _) => rooms.TryGetRoom(room, out Room found) ? Cut(found.List(page.After, page.Limit + 1), page.Limit, ViewOf) : null));

    public ValueTask<ParticipantView?> GetParticipantAsync(string room, string identity, CancellationToken cancellation) =>
        new(plane.Use((rooms, _) =>
            rooms.TryGetRoom(room, out Room found) && found.TryGetParticipant(identity, out Participant participant) ? ViewOf(participant) : null));

    public ListenOutcome AddListener(string room, TickListener listener, TickId? last) => plane.Use((rooms, _) => rooms.AddListener(room, listener, last));

    public void RefreshListener(TickListener listener) => plane.Use((rooms, _) =>
    {
        rooms.Refresh(listener);
        return true;
    });

    public void RemoveListener(TickListener listener) => plane.Use((rooms, now) =>
    {
        rooms.RemoveListener(listener, now);
        return true;
    });

    public ValueTask<SessionCreation> PublishAsync(SessionRequest request, CancellationToken cancellation) => new(
        PublishSources.Refuse(request.Grant.CanPublishSources, request.Offer) is { } refusal
            ? new SessionCreation(SessionOutcome.SourceForbidden, Detail: refusal)
            : Join(request, SessionRole.Publish));

    public ValueTask<SessionCreation> PlayAsync(SessionRequest request, CancellationToken cancellation) => new(Join(request, SessionRole.Subscribe));

    public SessionOwner? FindSession(string id) => plane.Use((rooms, _) =>
        TryFind(rooms, id, out Session session) ? new SessionOwner(session.Participant.Room.Name, session.Participant.Identity) : null);

    public async ValueTask<SessionView?> GetSessionAsync(string id, CancellationToken cancellation)
    {
        Session? session = plane.Use((rooms, _) => TryFind(rooms, id, out Session found) ? found : null);
        if (session is null)
        {
            return null;
        }

        PeerReport? report = await plane.ReportAsync(session.Peer, cancellation).ConfigureAwait(false);
        return SessionViews.Of(session, report);
    }

    public ValueTask<SessionPatch> PatchSessionAsync(string id, string? entityTag, string fragment, CancellationToken cancellation) =>
        new(plane.Use((rooms, now) =>
        {
            if (!TryFind(rooms, id, out Session session))
            {
                return new SessionPatch(PatchOutcome.NotFound);
            }

            if (entityTag is not null && entityTag != TagOf(session))
            {
                return new SessionPatch(PatchOutcome.StaleEntityTag);
            }

            return rooms.HandleFragment(session, fragment, out string answer, out SdpError error) switch
            {
                IceRestartOutcome.Restarted => new SessionPatch(PatchOutcome.Restarted, answer, TagOf(session)),
                IceRestartOutcome.NothingNew => new SessionPatch(PatchOutcome.Trickled),
                IceRestartOutcome.Malformed => new SessionPatch(PatchOutcome.Malformed, Detail: error.Message),
                _ => new SessionPatch(PatchOutcome.NotFound),
            };
        }));

    public ValueTask<LayerPatch> LimitSessionAsync(string id, LayerWish wish, CancellationToken cancellation) => new(plane.Use((rooms, _) =>
        TryFind(rooms, id, out Session session) ? LayerLimits.Apply(rooms, session, wish) : new LayerPatch(LayerOutcome.NotFound)));

    public ValueTask<bool> CloseSessionAsync(string id, CancellationToken cancellation) => new(plane.Use((rooms, now) =>
    {
        bool found = TryFind(rooms, id, out Session session);
        if (found)
        {
            rooms.Close(session, PeerCloseReason.Requested, now);
        }

        return found;
    }));

    public async ValueTask CloseAllAsync(CancellationToken cancellation) => await plane.CloseAllAsync().ConfigureAwait(false);

    private SessionCreation Join(SessionRequest request, SessionRole role) => plane.Use((rooms, now) =>
    {
        if (_banned.Contains(new SessionOwner(request.Room, request.Identity)))
        {
            return new SessionCreation(SessionOutcome.Banned);
        }

        var join = new JoinRequest
        {
            Room = request.Room,
            Identity = request.Identity,
            Name = request.Name,
            Metadata = request.Metadata,
            Role = role,
            Permissions = GrantedPermissions.Of(request.Grant),
            Offer = request.Offer,
            Target = request.Participant,
        };
        JoinOutcome outcome = rooms.Join(join, now, time.GetUtcNow(), out Session session, out SdpError error);
        return outcome switch
        {
            JoinOutcome.Joined => new SessionCreation(SessionOutcome.Created, session.Id.ToString(), session.AnswerText, TagOf(session)),
            JoinOutcome.NoSuchRoom => new SessionCreation(SessionOutcome.RoomNotFound),
            JoinOutcome.TooManyRooms => new SessionCreation(SessionOutcome.TooManyRooms),
            JoinOutcome.NotPermitted => new SessionCreation(SessionOutcome.NotPermitted),
            JoinOutcome.RoomFull => new SessionCreation(SessionOutcome.RoomFull, Detail: FullDetail(rooms, request.Room)),
            JoinOutcome.TooManyPublishers => new SessionCreation(
                SessionOutcome.TooManyPublishers, Detail: $"The room \"{request.Room}\" has {rooms.Limits.MaxPublishersPerRoom} publishers, which is the limit (V100:Rooms:MaxPublishersPerRoom)."),
            JoinOutcome.OfferMalformed => new SessionCreation(SessionOutcome.OfferMalformed, Detail: error.Message),
            JoinOutcome.OfferNotAcceptable => new SessionCreation(SessionOutcome.OfferUnacceptable, Detail: error.Message),
            _ => new SessionCreation(SessionOutcome.Overloaded),
        };
    });

    private static string FullDetail(RoomDirectory rooms, string name)
    {
        rooms.TryGetRoom(name, out Room room);
        return $"The room \"{name}\" has {room.Participants.Count} participants, and its limit is {room.MaxParticipants} (maxParticipants of the room, at most V100:Rooms:MaxParticipantsPerRoom).";
    }

    private static Listing<TView> Cut<T, TView>(List<T> found, int limit, Func<T, TView> view) =>
        new([.. found.Take(limit).Select(view)], found.Count > limit);

    private void Ban(SessionOwner identity)
    {
        if (_banned.Add(identity))
        {
            _banOrder.Enqueue(identity);
        }

        if (_banOrder.Count > MaxBans)
        {
            _banned.Remove(_banOrder.Dequeue());
        }
    }

    private static bool TryFind(RoomDirectory rooms, string id, out Session session)
    {
        session = null!;
        return SessionId.TryParse(id, out SessionId parsed) && rooms.TryGetSession(parsed, out session);
    }

    private static string TagOf(Session session) => $"\"{session.IceTag}\"";

    private static RoomView ViewOf(Room room) => new(
        room.Name,
        room.Metadata,
        room.MaxParticipants,
        (int)room.EmptyTimeout.TotalSeconds,
        room.CreatedAt,
        room.Participants.Count,
        room.Participants.Count(participant => participant.Tracks.Count > 0),
        TagOf(room.Version));

    private static ParticipantView ViewOf(Participant participant) => new(
        participant.Identity,
        participant.Name,
        participant.Metadata,
        participant.JoinedAt,
        GrantedPermissions.ViewOf(participant.Permissions),
        [.. participant.Tracks.Select(SessionViews.Of)],
        TagOf(participant.Version));
}
