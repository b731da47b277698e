using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

public sealed partial class RoomDirectory
{
    /// <summary>Makes every playing session of the room play what it should, after anyone came or went, or another one speaks.</summary>
    private void AssignSources(Room room)
    {
        foreach (Participant participant in room.Participants)
        {
            // At each coming and going, for everybody: by numbers, since an enumerator of the list would be an object.
            for (int index = 0; index < participant.Sessions.Count; index++)
            {
                if (participant.Sessions[index] is var session && session.Role.HasFlag(SessionRole.Subscribe))
                {
                    AssignSources(session);
                }
            }
        }

        if (_limits.LoudestSpeakers > 0)
        {
            MarkPlayedAlone(room);
        }
    }

    /// <summary>Who plays one participant alone has chosen: that one is heard, loud or not.</summary>
    private static void MarkPlayedAlone(Room room)
    {
        var alone = new HashSet<PublishedTrack>();
        foreach (Participant participant in room.Participants)
        {
            if (OnlyPlaying(participant) is not { } session)
            {
                continue;
            }

            foreach (MediaSection section in session.Peer.Negotiated.Sections)
            {
                if (session.Peer.GetSource(section.Index) is { Kind: MediaKind.Audio } track)
                {
                    alone.Add(track);
                }
            }
        }

        foreach (Participant participant in room.Participants)
        {
            foreach (PublishedTrack track in participant.Tracks)
            {
                track.IsPlayedAlone = alone.Contains(track);
            }
        }
    }

    private static Session? OnlyPlaying(Participant participant)
    {
        Session? only = null;
        foreach (Session session in participant.Sessions)
        {
            if (!session.Role.HasFlag(SessionRole.Subscribe))
            {
                continue;
            }

            if (only is not null)
            {
                return null;
            }

            only = session;
        }

        return only;
    }

    private void AssignSources(Session session)
    {
        Room room = session.Participant.Room;
        Participant? source = null;
        if (!session.Participant.Permissions.CanSubscribe)
        {
            session.Followed = null;
        }
        else if (session.Target is { } target)
        {
            room.TryGetParticipant(target, out source!); // Null where there is none.
        }
        else
        {
            source = session.Followed = Follow(session);
        }

        IReadOnlyList<PublishedTrack> tracks = source?.Places ?? [];
        bool changed = Assign(session, MediaKind.Audio, tracks);
        changed |= Assign(session, MediaKind.Video, tracks);
        if (changed)
        {
            _toSynchronize.Enqueue(session.Peer);
            TellAdapted(room.Tick, session);
        }
    }

    /// <summary>The n-th section of a kind plays the n-th track of that kind, or nothing while that is held.</summary>
    private static bool Assign(Session session, MediaKind kind, IReadOnlyList<PublishedTrack> tracks)
    {
        bool changed = false;
        int next = 0;
        foreach (MediaSection section in session.Peer.Negotiated.Sections)
        {
            if (!section.IsSent || section.Kind != kind)
            {
                continue;
            }

            while (next < tracks.Count && tracks[next].Kind != kind)
            {
                next++;
            }

            PublishedTrack? track = next < tracks.Count ? tracks[next++] : null;
            changed |= session.Peer.SetSource(section.Index, track is { Hold: TrackHold.None } ? track : null);
        }

        return changed;
    }

    /// <summary>The dominant speaker; where that is who listens, or nobody, whom the session plays already, then the loudest, then anyone.</summary>
    private static Participant? Follow(Session session)
    {
        Room room = session.Participant.Room;
        if (room.Audio?.Dominant is { Tracks.Count: > 0 } speaker && speaker != session.Participant)
        {
            return speaker;
        }

        Participant? current = session.Followed is { Tracks.Count: > 0 } followed && followed != session.Participant
            && room.TryGetParticipant(followed.Identity, out Participant there) && there == followed ? followed : room.Audio?.LoudestBut(session.Participant);
        foreach (Participant candidate in room.Participants)
        {
            current ??= candidate != session.Participant && candidate.Tracks.Count > 0 ? candidate : null;
        }

        // Its own track only where there is no other: one token that publishes and plays is how people try things out.
        return current ?? (session.Participant.Tracks.Count > 0 ? session.Participant : null);
    }
}
