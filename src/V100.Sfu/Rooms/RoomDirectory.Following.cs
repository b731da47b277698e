using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

public sealed partial class RoomDirectory
{
    /// <summary>How often sessions that follow the loudest publisher look again.</summary>
    private static readonly TimeSpan FollowInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>How much louder, in dB, another must be to take over: two people in one conversation do not flicker.</summary>
    private const float FollowMargin = 6;

    private readonly HashSet<Session> _following = [];
    private Instant _nextFollowing = Instant.Never;

    /// <summary>Makes every playing session of the room play what it should, after anyone came or went.</summary>
    private void AssignSources(Room room, Instant now)
    {
        foreach (Participant participant in room.Participants)
        {
            foreach (Session session in participant.Sessions)
            {
                if (session.Role.HasFlag(SessionRole.Subscribe))
                {
                    AssignSources(session, now);
                }
            }
        }
    }

    private void AssignSources(Session session, Instant now)
    {
        Room room = session.Participant.Room;
        Participant? source;
        if (session.Target is { } target)
        {
            room.TryGetParticipant(target, out source!);
        }
        else
        {
            source = session.Followed = Follow(session);
            _following.Add(session);
            if (_nextFollowing == Instant.Never)
            {
                _nextFollowing = now + FollowInterval;
            }
        }

        IReadOnlyList<PublishedTrack> tracks = source?.Tracks ?? [];
        bool changed = Assign(session, MediaKind.Audio, tracks);
        changed |= Assign(session, MediaKind.Video, tracks);
        if (changed)
        {
            _toSynchronize.Enqueue(session.Peer);
        }
    }

    /// <summary>The n-th section of a kind plays the n-th track of that kind.</summary>
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

            changed |= session.Peer.SetSource(section.Index, next < tracks.Count ? tracks[next++] : null);
        }

        return changed;
    }

    private static Participant? Follow(Session session)
    {
        Room room = session.Participant.Room;
        Participant? current = session.Followed is { Tracks.Count: > 0 } followed && followed != session.Participant
            && room.TryGetParticipant(followed.Identity, out Participant there) && there == followed ? followed : null;
        float level = current is null ? float.NegativeInfinity : Loudness(current) + FollowMargin;
        foreach (Participant candidate in room.Participants)
        {
            if (candidate != session.Participant && candidate.Tracks.Count > 0 && Loudness(candidate) > level)
            {
                current = candidate;
                level = Loudness(candidate);
            }
        }

        // Its own track only where there is no other: one token that publishes and plays is how people try things out.
        return current ?? (session.Participant.Tracks.Count > 0 ? session.Participant : null);
    }

    private static float Loudness(Participant participant)
    {
        float loudest = 0;
        foreach (PublishedTrack track in participant.Tracks)
        {
            loudest = Math.Max(loudest, track.AudioLevel);
        }

        return loudest;
    }

    private void FollowLoudest(Instant now)
    {
        _following.RemoveWhere(session => session.State == SessionState.Closed);
        _nextFollowing = _following.Count == 0 ? Instant.Never : now + FollowInterval;
        foreach (Session session in (Session[])[.. _following])
        {
            AssignSources(session, now);
        }
    }
}
