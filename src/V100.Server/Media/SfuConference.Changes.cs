using V100.Server.Control;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;

namespace V100.Server.Media;

/// <summary>Changes of rooms, participants and tracks: the precondition is judged in the moment of the change.</summary>
internal sealed partial class SfuConference
{
    public ValueTask<Changed<RoomView>> ChangeRoomAsync(string room, Precondition precondition, RoomWish wish, CancellationToken cancellation) =>
        new(plane.Use((rooms, _) =>
        {
            ChangeOutcome outcome = Find(rooms, room, precondition, out Room found);
            if (outcome != ChangeOutcome.Done)
            {
                return new Changed<RoomView>(outcome);
            }

            int? seconds = wish.EmptyTimeoutSeconds.Over((int)found.EmptyTimeout.TotalSeconds);
            rooms.Change(found, new RoomSettings(
                wish.MaxParticipants.Over(found.MaxParticipants), seconds is null ? null : TimeSpan.FromSeconds(seconds.Value), wish.Metadata.Over(found.Metadata)));
            return new Changed<RoomView>(ChangeOutcome.Done, ViewOf(found));
        }));

    public ValueTask<ChangeOutcome> DeleteRoomAsync(string room, Precondition precondition, CancellationToken cancellation) =>
        new(plane.Use((rooms, now) =>
        {
            ChangeOutcome outcome = Find(rooms, room, precondition, out _);
            if (outcome == ChangeOutcome.Done)
            {
                rooms.Delete(room, now);
            }

            return outcome;
        }));

    public ValueTask<Changed<ParticipantView>> ChangeParticipantAsync(
        string room, string identity, Precondition precondition, ParticipantWish wish, CancellationToken cancellation) => new(plane.Use((rooms, _) =>
        {
            ChangeOutcome outcome = Find(rooms, room, identity, precondition, out Participant participant);
            if (outcome != ChangeOutcome.Done)
            {
                return new Changed<ParticipantView>(outcome);
            }

            rooms.Describe(participant, wish.Name.Over(participant.Name), wish.Metadata.Over(participant.Metadata));
            if (wish.PermissionsAreGiven)
            {
                rooms.Permit(participant, wish.Permissions is null ? null : GrantedPermissions.Change(participant.Permissions, wish.Permissions));
            }

            return new Changed<ParticipantView>(ChangeOutcome.Done, ViewOf(participant));
        }));

    public ValueTask<TrackView?> MuteAsync(string room, string? identity, string trackId, bool muted, CancellationToken cancellation) =>
        new(plane.Use((rooms, _) =>
        {
            if (!rooms.TryGetRoom(room, out Room found))
            {
                return null;
            }

            IEnumerable<Participant> participants = identity is null ? found.Participants
                : found.TryGetParticipant(identity, out Participant one) ? [one]
                : [];
            foreach (Participant participant in participants)
            {
                if (participant.Tracks.FirstOrDefault(track => track.Id.ToString() == trackId) is PublishedTrack track)
                {
                    rooms.Mute(participant, track, muted);
                    return SessionViews.Of(track);
                }
            }

            return null;
        }));

    public ValueTask<ChangeOutcome> RemoveParticipantAsync(
        string room, string identity, bool ban, Precondition precondition, CancellationToken cancellation) => new(plane.Use((rooms, now) =>
        {
            ChangeOutcome outcome = Find(rooms, room, identity, precondition, out _);
            if (ban && outcome != ChangeOutcome.StaleEntityTag)
            {
                Ban(new SessionOwner(room, identity)); // Who is not there yet may be kept out.
            }

            if (outcome == ChangeOutcome.Done)
            {
                rooms.RemoveParticipant(room, identity, now);
            }

            return outcome;
        }));

    private static ChangeOutcome Find(RoomDirectory rooms, string name, Precondition precondition, out Room room) =>
        !rooms.TryGetRoom(name, out room) ? ChangeOutcome.NotFound
            : precondition.Allows(TagOf(room.Version)) ? ChangeOutcome.Done
            : ChangeOutcome.StaleEntityTag;

    private static ChangeOutcome Find(RoomDirectory rooms, string name, string identity, Precondition precondition, out Participant participant)
    {
        participant = null!;
        return !rooms.TryGetRoom(name, out Room room) || !room.TryGetParticipant(identity, out participant) ? ChangeOutcome.NotFound
            : precondition.Allows(TagOf(participant.Version)) ? ChangeOutcome.Done
            : ChangeOutcome.StaleEntityTag;
    }

    private static string TagOf(ulong version) => $"\"{version:x}\"";
}
