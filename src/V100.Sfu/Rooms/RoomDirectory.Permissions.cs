using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

/// <summary>What participants may do, and what is muted, while media flows.</summary>
/// <remarks>
/// A track that is held (<see cref="TrackHold"/>) stops at the shard that receives it, by one word that this writes. Its subscribers are told
/// that there is no source, as when a publisher leaves, and get it back, from a new keyframe on, when it is held no more: so nothing has to be
/// offered again.
/// </remarks>
public sealed partial class RoomDirectory
{
    /// <summary>Changes what others see of the participant.</summary>
    public void Describe(Participant participant, string? name, string? metadata)
    {
        participant.Name = name;
        participant.Metadata = metadata;
        participant.Version = NextVersion();
        TellUpdated(participant);
    }

    /// <summary>Sets what the participant may do, in effect at once on what it publishes and plays.</summary>
    /// <param name="participant">In a room.</param>
    /// <param name="permissions">
    /// They hold until the participant has left, whatever its tokens grant: who comes back has what its token grants. Null for that already now.
    /// </param>
    public void Permit(Participant participant, ParticipantPermissions? permissions)
    {
        participant.SetPermissions = permissions;
        participant.Version = NextVersion();
        if (participant.Publishing is { } session)
        {
            WithdrawTracks(session);
        }

        AssignSources(participant.Room);
    }

    /// <summary>Mutes a track of the participant, or lets it go on. A client that publishes again has new tracks, which are not muted.</summary>
    public void Mute(Participant participant, PublishedTrack track, bool muted)
    {
        TrackHold hold = track.Hold & ~TrackHold.Muted | (muted ? TrackHold.Muted : TrackHold.None);
        if (hold == track.Hold)
        {
            return;
        }

        track.Hold = hold;
        participant.Version = NextVersion();
        TellIfPlayed(muted ? RoomEventKind.TrackMuted : RoomEventKind.TrackUnmuted, participant, track);
        TellMuted(participant, track, muted);
        AssignSources(participant.Room);
    }

    /// <summary>Whether what an administrator has set lets the participant begin another session.</summary>
    private static bool MayBegin(Participant participant, SessionRole role) => participant.SetPermissions is not { } set
        || (!role.HasFlag(SessionRole.Publish) || set.CanPublish) && (!role.HasFlag(SessionRole.Subscribe) || set.CanSubscribe);

    /// <summary>Makes the words of the session's tracks say what its participant may publish.</summary>
    private void WithdrawTracks(Session session)
    {
        List<PublishedTrack> permitted = [];
        foreach (PublishedTrack track in session.Tracks)
        {
            bool may = session.Participant.Permissions.MayPublish(track.Source);
            TrackHold hold = track.Hold & ~TrackHold.Withdrawn | (may ? TrackHold.None : TrackHold.Withdrawn);
            if (hold != track.Hold)
            {
                track.Hold = hold;
                TellIfPlayed(may ? RoomEventKind.TrackPublished : RoomEventKind.TrackUnpublished, session.Participant, track);
            }

            if (may)
            {
                permitted.Add(track);
            }
        }

        session.PermittedTracks = permitted;
        TellPermitted(session);
    }
}
