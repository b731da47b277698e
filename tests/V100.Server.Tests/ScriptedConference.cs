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

        RoomView room = new(request.Name, request.Metadata, request.MaxParticipants ?? 3000, request.EmptyTimeoutSeconds ?? 300, DateTimeOffset.UnixEpoch, 0, 0);
        return new(_rooms.Count < MaxRooms && _rooms.TryAdd(room.Name, room) ? new RoomCreation(room, true) : default);
    }

    public ValueTask<RoomView?> GetRoomAsync(string room, CancellationToken cancellation) => new(_rooms.GetValueOrDefault(room));

    public ValueTask<IReadOnlyList<RoomView>> ListRoomsAsync(CancellationToken cancellation) => new([.. _rooms.Values]);

    public ValueTask<bool> DeleteRoomAsync(string room, CancellationToken cancellation) => new(_rooms.TryRemove(room, out _));

    public ValueTask<IReadOnlyList<ParticipantView>?> ListParticipantsAsync(string room, CancellationToken cancellation) =>
        new(_rooms.ContainsKey(room) ? [.. Participants.Where(pair => pair.Key.Item1 == room).Select(pair => pair.Value)] : null);

    public ValueTask<bool> RemoveParticipantAsync(string room, string identity, bool ban, CancellationToken cancellation)
    {
        Removed.Add((room, identity, ban));
        return new(Participants.TryRemove((room, identity), out _));
    }

    public ListenOutcome AddListener(string room, TickListener listener, TickId? last) => ListenOutcome.NoSuchRoom;

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
