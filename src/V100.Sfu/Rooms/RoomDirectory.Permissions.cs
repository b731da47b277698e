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
    /// <summary>Changes a participant, in effect at once.</summary>
    /// <param name="participant">In a room.</param>
    /// <param name="name">From now on.</param>
    /// <param name="metadata">From now on.</param>
    /// <param name="permissions">
    /// They hold until the participant has left, whatever its tokens grant; null leaves what is. Who comes back has what its token grants.
    /// </param>
    public void Change(Participant participant, string? name, string? metadata, ParticipantPermissions? permissions)
    {
        participant.Name = name;
        participant.Metadata = metadata;
        participant.Version = NextVersion();
        if (permissions is { } set)
        {
            participant.Permissions = set;
            participant.ArePermissionsSet = true;
            ApplyPermissions(participant);
        }
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
        AssignSources(participant.Room);
    }

    /// <summary>Whether what an administrator has set lets the participant begin another session.</summary>
    private static bool MayBegin(Participant participant, SessionRole role) => !participant.ArePermissionsSet
        || (!role.HasFlag(SessionRole.Publish) || participant.Permissions.CanPublish)
        && (!role.HasFlag(SessionRole.Subscribe) || participant.Permissions.CanSubscribe);

    /// <summary>Makes words of tracks, and the sources of all who play them, say what the participant may do.</summary>
    private void ApplyPermissions(Participant participant)
    {
        if (participant.Publishing is { } session)
        {
            WithdrawTracks(session);
        }

        AssignSources(participant.Room);
    }

    private static void WithdrawTracks(Session session)
    {
        List<PublishedTrack> permitted = [];
        foreach (PublishedTrack track in session.Tracks)
        {
            bool may = session.Participant.Permissions.MayPublish(track.Source);
            track.Hold = track.Hold & ~TrackHold.Withdrawn | (may ? TrackHold.None : TrackHold.Withdrawn);
            if (may)
            {
                permitted.Add(track);
            }
        }

        session.PermittedTracks = permitted;
    }
}
