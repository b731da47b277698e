using V100.Server.Control;

namespace V100.Server;

/// <summary>A conference without rooms, until the workers bring theirs: everything is refused as overload.</summary>
internal sealed class EmptyConference : IConference
{
    public int SessionCount => 0;
    public int RoomCount => 0;

    public ValueTask<RoomCreation> CreateRoomAsync(RoomRequest request, CancellationToken cancellation) => default;
    public ValueTask<RoomView?> GetRoomAsync(string room, CancellationToken cancellation) => default;
    public ValueTask<IReadOnlyList<RoomView>> ListRoomsAsync(CancellationToken cancellation) => new([]);
    public ValueTask<bool> DeleteRoomAsync(string room, CancellationToken cancellation) => default;
    public ValueTask<IReadOnlyList<ParticipantView>?> ListParticipantsAsync(string room, CancellationToken cancellation) => default;
    public ValueTask<bool> RemoveParticipantAsync(string room, string identity, bool ban, CancellationToken cancellation) => default;
    public ValueTask<SessionCreation> PublishAsync(SessionRequest request, CancellationToken cancellation) => new(new SessionCreation(SessionOutcome.Overloaded));
    public ValueTask<SessionCreation> PlayAsync(SessionRequest request, CancellationToken cancellation) => new(new SessionCreation(SessionOutcome.Overloaded));
    public SessionOwner? FindSession(string id) => null;
    public ValueTask<SessionView?> GetSessionAsync(string id, CancellationToken cancellation) => default;
    public ValueTask<SessionPatch> PatchSessionAsync(string id, string? entityTag, string fragment, CancellationToken cancellation) =>
        new(new SessionPatch(PatchOutcome.NotFound));
    public ValueTask<bool> CloseSessionAsync(string id, CancellationToken cancellation) => default;
    public ValueTask CloseAllAsync(CancellationToken cancellation) => default;
}
