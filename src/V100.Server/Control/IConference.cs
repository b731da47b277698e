using V100.Sfu.Rooms;

namespace V100.Server.Control;

/// <summary>
/// What the control plane needs of rooms and sessions. The server's own implementation composes the rooms of V100.Sfu
/// with the workers; tests of the HTTP surface bring another. Every name that comes in has passed <see cref="ResourceName"/>.
/// </summary>
/// <remarks>Members may be called from any thread. Nothing throws for what a client asked: the outcome says it.</remarks>
internal interface IConference
{
    /// <summary>Sessions that exist now, of all rooms.</summary>
    int SessionCount { get; }

    int RoomCount { get; }

    ValueTask<RoomCreation> CreateRoomAsync(RoomRequest request, CancellationToken cancellation);

    /// <summary>Null where there is no such room.</summary>
    ValueTask<RoomView?> GetRoomAsync(string room, CancellationToken cancellation);

    /// <summary>In the order of their names.</summary>
    ValueTask<Listing<RoomView>> ListRoomsAsync(Page page, CancellationToken cancellation);

    ValueTask<Changed<RoomView>> ChangeRoomAsync(string room, Precondition precondition, RoomWish wish, CancellationToken cancellation);

    /// <summary>Closes every session of the room and forgets it.</summary>
    ValueTask<ChangeOutcome> DeleteRoomAsync(string room, Precondition precondition, CancellationToken cancellation);

    /// <summary>In the order of their identities; null where there is no such room.</summary>
    ValueTask<Listing<ParticipantView>?> ListParticipantsAsync(string room, Page page, CancellationToken cancellation);

    /// <summary>Null where there is no such participant, or room.</summary>
    ValueTask<ParticipantView?> GetParticipantAsync(string room, string identity, CancellationToken cancellation);

    /// <summary>Permissions act at once on what is published and played.</summary>
    ValueTask<Changed<ParticipantView>> ChangeParticipantAsync(
        string room, string identity, Precondition precondition, ParticipantWish wish, CancellationToken cancellation);

    /// <summary>Stops a published track, or lets it go on. Null where there is no such track.</summary>
    /// <param name="room">The room.</param>
    /// <param name="identity">Whose track; null for anybody's in the room.</param>
    /// <param name="trackId">The track.</param>
    /// <param name="muted">What is wanted.</param>
    /// <param name="cancellation">The request went away.</param>
    ValueTask<TrackView?> MuteAsync(string room, string? identity, string trackId, bool muted, CancellationToken cancellation);

    /// <summary>Closes the participant's sessions.</summary>
    ValueTask<ChangeOutcome> RemoveParticipantAsync(string room, string identity, bool ban, Precondition precondition, CancellationToken cancellation);

    /// <summary>From now on the listener gets what happens in the room.</summary>
    /// <param name="room">The room.</param>
    /// <param name="listener">A new one; it ends with <see cref="RemoveListener"/>, whatever the outcome.</param>
    /// <param name="last">The last state that its client knows; null for none.</param>
    ListenOutcome AddListener(string room, TickListener listener, TickId? last);

    /// <summary>The listener has missed something and needs a snapshot.</summary>
    void RefreshListener(TickListener listener);

    void RemoveListener(TickListener listener);

    /// <summary>Answers a WHIP offer.</summary>
    ValueTask<SessionCreation> PublishAsync(SessionRequest request, CancellationToken cancellation);

    /// <summary>Answers a WHEP offer.</summary>
    ValueTask<SessionCreation> PlayAsync(SessionRequest request, CancellationToken cancellation);

    /// <summary>Whose session it is; null where there is none.</summary>
    SessionOwner? FindSession(string id);

    /// <summary>Null where the session ended meanwhile.</summary>
    ValueTask<SessionView?> GetSessionAsync(string id, CancellationToken cancellation);

    /// <summary>Trickled candidates, or an ICE restart where the fragment brings new credentials (RFC 9725, 4.3).</summary>
    /// <param name="id">The session.</param>
    /// <param name="entityTag">From If-Match, with its quotes; null for <c>*</c>.</param>
    /// <param name="fragment">The <c>application/trickle-ice-sdpfrag</c>.</param>
    /// <param name="cancellation">The request went away.</param>
    ValueTask<SessionPatch> PatchSessionAsync(string id, string? entityTag, string fragment, CancellationToken cancellation);

    /// <summary>Limits what a session is sent of video.</summary>
    ValueTask<LayerPatch> LimitSessionAsync(string id, LayerWish wish, CancellationToken cancellation);

    /// <summary>False where there is none.</summary>
    ValueTask<bool> CloseSessionAsync(string id, CancellationToken cancellation);

    /// <summary>The orderly end of everything: peers are told, then forgotten.</summary>
    ValueTask CloseAllAsync(CancellationToken cancellation);
}

/// <summary>The settings of a room; null takes what the configuration says.</summary>
internal sealed record RoomRequest(string Name, int? MaxParticipants, int? EmptyTimeoutSeconds, string? Metadata);

/// <param name="Room">The room; null at the bound of rooms.</param>
/// <param name="Created">False where it existed.</param>
internal readonly record struct RoomCreation(RoomView? Room, bool Created);

/// <summary>An offer, with who makes it.</summary>
/// <param name="Room">Created on the way where the configuration lets it.</param>
/// <param name="Identity">The participant.</param>
/// <param name="Name">The token's display name, or null.</param>
/// <param name="Metadata">The token's metadata, or null.</param>
/// <param name="Grant">What the caller may do.</param>
/// <param name="Participant">WHEP: whom to play; null for the room's only or loudest publisher.</param>
/// <param name="Offer">The SDP.</param>
internal sealed record SessionRequest(
    string Room,
    string Identity,
    string? Name,
    string? Metadata,
    VideoGrant Grant,
    string? Participant,
    string Offer);

/// <summary>How an offer ended.</summary>
internal enum SessionOutcome
{
    Created,

    /// <summary>There is no such room, and rooms are not created on the way.</summary>
    RoomNotFound,

    /// <summary>The room has as many participants as it may.</summary>
    RoomFull,

    /// <summary>The room has as many publishers as it may.</summary>
    TooManyPublishers,

    /// <summary>An administrator has taken the permission from the participant.</summary>
    NotPermitted,

    /// <summary>The server has as many rooms as it may.</summary>
    TooManyRooms,

    /// <summary>The identity was removed for good.</summary>
    Banned,

    /// <summary>The token's sources leave out what the offer publishes: 403.</summary>
    SourceForbidden,

    /// <summary>The participant's state forbids it, such as a second publication of the same kind.</summary>
    Conflict,

    /// <summary>The offer is no SDP: 400.</summary>
    OfferMalformed,

    /// <summary>The offer is SDP, and nothing in it can be served: 422.</summary>
    OfferUnacceptable,

    /// <summary>A bound of the workers is reached: 503.</summary>
    Overloaded,
}

/// <param name="Outcome">Whether the rest holds.</param>
/// <param name="Id">Of the new session.</param>
/// <param name="Answer">The SDP answer.</param>
/// <param name="EntityTag">Of its ICE session, with quotes.</param>
/// <param name="Detail">A sentence where it failed; with a malformed offer it names the line, at a limit the limit.</param>
internal sealed record SessionCreation(SessionOutcome Outcome, string Id = "", string Answer = "", string EntityTag = "", string Detail = "");

/// <summary>Whose a session is.</summary>
internal sealed record SessionOwner(string Room, string Identity);

/// <summary>How a PATCH of a session ended.</summary>
internal enum PatchOutcome
{
    /// <summary>Candidates taken: 204.</summary>
    Trickled,

    /// <summary>ICE restarted: 200 with the server's new credentials.</summary>
    Restarted,

    /// <summary>No such session any more.</summary>
    NotFound,

    /// <summary>The entity tag is of an earlier ICE session: 412.</summary>
    StaleEntityTag,

    /// <summary>The fragment is malformed: 400.</summary>
    Malformed,

    /// <summary>The fragment is well-formed and cannot be served: 422.</summary>
    Unacceptable,

    /// <summary>A bound of the workers is reached: 503.</summary>
    Overloaded,
}

/// <param name="Outcome">Whether the rest holds.</param>
/// <param name="Fragment">After a restart: the server's fragment.</param>
/// <param name="EntityTag">After a restart: of the new ICE session, with quotes.</param>
/// <param name="Detail">A sentence where it failed.</param>
internal sealed record SessionPatch(PatchOutcome Outcome, string Fragment = "", string EntityTag = "", string Detail = "");
