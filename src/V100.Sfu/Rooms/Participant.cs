using V100.Sfu.Forwarding;

namespace V100.Sfu.Rooms;

/// <summary>Someone in a room, for as long as at least one of its sessions lives.</summary>
public sealed class Participant
{
    private readonly List<Session> _sessions = [];

    internal Participant(Room room, string identity, string? name, string? metadata, in ParticipantPermissions permissions, DateTimeOffset joinedAt)
    {
        Granted = permissions;
        Room = room;
        Identity = identity;
        Name = name;
        Metadata = metadata;
        JoinedAt = joinedAt;
    }

    public Room Room { get; }
    public string Identity { get; }
    public string? Name { get; internal set; }
    public string? Metadata { get; internal set; }
    public DateTimeOffset JoinedAt { get; }

    public ParticipantPermissions Permissions => SetPermissions ?? Granted;

    /// <summary>What its tokens grant together.</summary>
    internal ParticipantPermissions Granted { get; set; }

    /// <summary>What an administrator has set since it came, whatever its tokens grant; null for nothing.</summary>
    internal ParticipantPermissions? SetPermissions { get; set; }

    /// <summary>Changes with what an administrator can change of it: name, metadata, permissions and mutes. No other participant has had it.</summary>
    public ulong Version { get; internal set; }

    public IReadOnlyList<Session> Sessions => _sessions;

    /// <summary>The session that publishes, or null: a participant has at most one.</summary>
    public Session? Publishing
    {
        get
        {
            foreach (Session session in _sessions)
            {
                if (session.Role.HasFlag(Sdp.SessionRole.Publish))
                {
                    return session;
                }
            }

            return null;
        }
    }

    /// <summary>The tracks that subscribers can play now, or could were they not muted: those of a connected session that it may publish.</summary>
    public IReadOnlyList<PublishedTrack> Tracks => Publishing is { State: SessionState.Connected } session ? session.PermittedTracks : [];

    /// <summary>The same with those that it may not publish now: they keep their places.</summary>
    internal IReadOnlyList<PublishedTrack> Places => Publishing is { State: SessionState.Connected } session ? session.Tracks : [];

    internal void Add(Session session) => _sessions.Add(session);

    internal void Remove(Session session) => _sessions.Remove(session);
}
