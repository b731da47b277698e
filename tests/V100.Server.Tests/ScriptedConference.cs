using System.Collections.Concurrent;
using System.Globalization;
using V100.Server.Control;
using V100.Sfu.Rooms;

namespace V100.Server.Tests;

/// <summary>Rooms and sessions without media: it remembers what it was asked, and offers end as a test says.</summary>
internal sealed class ScriptedConference : IConference
{
    private readonly ConcurrentDictionary<string, RoomView> _rooms = new();
    private readonly ConcurrentDictionary<string, SessionView> _sessions = new();

    public int MaxRooms { get; set; } = 100;
    public bool Throws { get; set; }
    public SessionCreation? NextOffer { get; set; }
    public SessionPatch NextPatch { get; set; } = new(PatchOutcome.Trickled);
    public SessionRequest? LastRequest { get; private set; }
    public bool LastWasPlay { get; private set; }
    public (string? EntityTag, string Fragment) LastPatch { get; private set; }
    public LayerWish? LastWish { get; private set; }
    public LayerPatch NextLimit { get; set; } = new(LayerOutcome.Limited, new LayerLimitListView([]));
    public List<string?> PatchTags { get; } = [];
    public ConcurrentDictionary<(string, string), ParticipantView> Participants { get; } = new();
    public List<(string Room, string Identity, bool Ban)> Removed { get; } = [];
    public ParticipantWish? LastParticipantWish { get; private set; }
    public (string Room, string? Identity, string TrackId, bool Muted)? LastMute { get; private set; }
    public bool ClosedAll { get; private set; }

    public int SessionCount => _sessions.Count;
    public int RoomCount => _rooms.Count;

    public ValueTask<RoomCreation> CreateRoomAsync(RoomRequest request, CancellationToken cancellation)
    {
        if (Throws)
        {
            throw new InvalidOperationException("as the test wants");
        }

        if (_rooms.TryGetValue(request.Name, out RoomView? existing))
        {
            return new(new RoomCreation(existing, false));
        }

        RoomView room = new(request.Name, request.Metadata, request.MaxParticipants ?? 3000, request.EmptyTimeoutSeconds ?? 300, DateTimeOffset.UnixEpoch, 0, 0, "\"1\"");
        return new(_rooms.Count < MaxRooms && _rooms.TryAdd(room.Name, room) ? new RoomCreation(room, true) : default);
    }

    public ValueTask<RoomView?> GetRoomAsync(string room, CancellationToken cancellation) => new(_rooms.GetValueOrDefault(room));

    public ValueTask<Listing<RoomView>> ListRoomsAsync(Page page, CancellationToken cancellation) => new(Cut(_rooms.Values, room => room.Name, page));

    public ValueTask<Changed<RoomView>> ChangeRoomAsync(string room, Precondition precondition, RoomWish wish, CancellationToken cancellation)
    {
        ChangeOutcome outcome = Judge(_rooms.TryGetValue(room, out RoomView? view), view?.EntityTag, precondition);
        if (outcome == ChangeOutcome.Done)
        {
            _rooms[room] = view = view! with { MaxParticipants = wish.MaxParticipants.Over(view.MaxParticipants) ?? 3000, Metadata = wish.Metadata.Over(view.Metadata), EntityTag = "\"2\"" };
        }

        return new(new Changed<RoomView>(outcome, view));
    }

    public ValueTask<ChangeOutcome> DeleteRoomAsync(string room, Precondition precondition, CancellationToken cancellation)
    {
        ChangeOutcome outcome = Judge(_rooms.TryGetValue(room, out RoomView? view), view?.EntityTag, precondition);
        return new(outcome == ChangeOutcome.Done && !_rooms.TryRemove(room, out _) ? ChangeOutcome.NotFound : outcome);
    }

    public ValueTask<Listing<ParticipantView>?> ListParticipantsAsync(string room, Page page, CancellationToken cancellation) => new(_rooms.ContainsKey(room)
        ? Cut(Participants.Where(pair => pair.Key.Item1 == room).Select(pair => pair.Value), participant => participant.Identity, page)
        : null);

    public ValueTask<ParticipantView?> GetParticipantAsync(string room, string identity, CancellationToken cancellation) =>
        new(Participants.GetValueOrDefault((room, identity)));

    public ValueTask<Changed<ParticipantView>> ChangeParticipantAsync(
        string room, string identity, Precondition precondition, ParticipantWish wish, CancellationToken cancellation)
    {
        LastParticipantWish = wish;
        ChangeOutcome outcome = Judge(Participants.TryGetValue((room, identity), out ParticipantView? view), view?.EntityTag, precondition);
        if (outcome == ChangeOutcome.Done)
        {
            Participants[(room, identity)] = view = view! with { Name = wish.Name.Over(view.Name), EntityTag = "\"2\"" };
        }

        return new(new Changed<ParticipantView>(outcome, view));
    }

    public ValueTask<TrackView?> MuteAsync(string room, string? identity, string trackId, bool muted, CancellationToken cancellation)
    {
        LastMute = (room, identity, trackId, muted);
        IEnumerable<TrackView> tracks = Participants.Where(pair => pair.Key.Item1 == room && pair.Key.Item2 == (identity ?? pair.Key.Item2)).SelectMany(pair => pair.Value.Tracks);
        return new(tracks.FirstOrDefault(track => track.Id == trackId) is TrackView found ? found with { Muted = muted } : null);
    }

    public ValueTask<ChangeOutcome> RemoveParticipantAsync(string room, string identity, bool ban, Precondition precondition, CancellationToken cancellation)
    {
        Removed.Add((room, identity, ban));
        ChangeOutcome outcome = Judge(Participants.TryGetValue((room, identity), out ParticipantView? view), view?.EntityTag, precondition);
        return new(outcome == ChangeOutcome.Done && !Participants.TryRemove((room, identity), out _) ? ChangeOutcome.NotFound : outcome);
    }

    private static ChangeOutcome Judge(bool found, string? tag, Precondition precondition) =>
        !found ? ChangeOutcome.NotFound : precondition.Allows(tag!) ? ChangeOutcome.Done : ChangeOutcome.StaleEntityTag;

    private static Listing<T> Cut<T>(IEnumerable<T> all, Func<T, string> nameOf, Page page)
    {
        T[] rest = [.. all.OrderBy(nameOf, StringComparer.Ordinal).Where(item => page.After is null || string.CompareOrdinal(nameOf(item), page.After) > 0)];
        return new Listing<T>([.. rest.Take(page.Limit)], rest.Length > page.Limit);
    }

    /// <summary>The stream of a room that is there ends at once.</summary>
    public ListenOutcome AddListener(string room, TickListener listener, TickId? last)
    {
        if (!_rooms.ContainsKey(room))
        {
            return ListenOutcome.NoSuchRoom;
        }

        ((EventStream)listener).End("room_ended");
        return ListenOutcome.Listening;
    }

    public void RefreshListener(TickListener listener)
    {
    }

    public void RemoveListener(TickListener listener)
    {
    }

    public ValueTask<SessionCreation> PublishAsync(SessionRequest request, CancellationToken cancellation) => Offer(request, "whip");

    public ValueTask<SessionCreation> PlayAsync(SessionRequest request, CancellationToken cancellation) => Offer(request, "whep");

    public SessionOwner? FindSession(string id) => _sessions.TryGetValue(id, out SessionView? session) ? new SessionOwner(session.Room, session.Identity) : null;

    public ValueTask<SessionView?> GetSessionAsync(string id, CancellationToken cancellation) => new(_sessions.GetValueOrDefault(id));

    public ValueTask<SessionPatch> PatchSessionAsync(string id, string? entityTag, string fragment, CancellationToken cancellation)
    {
        LastPatch = (entityTag, fragment);
        PatchTags.Add(entityTag);
        return new(entityTag is null or "\"tag-1\"" ? NextPatch : new SessionPatch(PatchOutcome.StaleEntityTag));
    }

    public ValueTask<LayerPatch> LimitSessionAsync(string id, LayerWish wish, CancellationToken cancellation)
    {
        LastWish = wish;
        return new(NextLimit);
    }

    public ValueTask<bool> CloseSessionAsync(string id, CancellationToken cancellation) => new(_sessions.TryRemove(id, out _));

    public ValueTask CloseAllAsync(CancellationToken cancellation)
    {
        ClosedAll = true;
        _sessions.Clear();
        return default;
    }

    private ValueTask<SessionCreation> Offer(SessionRequest request, string kind)
    {
        LastRequest = request;
        LastWasPlay = kind == "whep";
        if (NextOffer is not null)
        {
            return new(NextOffer);
        }

        string id = "session-" + (_sessions.Count + 1).ToString(CultureInfo.InvariantCulture);
        _sessions[id] = new SessionView(id, request.Room, request.Identity, kind, DateTimeOffset.UnixEpoch, "new", new IceView("new", null, null), new DtlsView("new", null), null, null, null, []);
        return new(new SessionCreation(SessionOutcome.Created, id, "v=0\r\nanswer\r\n", "\"tag-1\""));
    }
}
