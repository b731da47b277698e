using V100.Net;

namespace V100.Sfu.Rooms;

/// <summary>Why a room ended.</summary>
public enum RoomEndReason
{
    /// <summary>It has not ended.</summary>
    None,

    /// <summary>The application asked for it.</summary>
    Deleted,

    /// <summary>Nobody was in it for its empty timeout.</summary>
    Empty,

    /// <summary>The server is stopping.</summary>
    ServerStopping,
}

/// <summary>A room and who is in it. Belongs to its <see cref="RoomDirectory"/>, whose caller serialises all access.</summary>
public sealed class Room
{
    private readonly Dictionary<string, Participant> _participants = new(StringComparer.Ordinal);

    internal Room(string name, int maxParticipants, TimeSpan emptyTimeout, string? metadata, DateTimeOffset createdAt)
    {
        Name = name;
        MaxParticipants = maxParticipants;
        EmptyTimeout = emptyTimeout;
        Metadata = metadata;
        CreatedAt = createdAt;
    }

    public string Name { get; }
    public int MaxParticipants { get; }
    public TimeSpan EmptyTimeout { get; }
    public string? Metadata { get; }

    /// <summary>Wall-clock time as the caller gave it: for people, never for decisions.</summary>
    public DateTimeOffset CreatedAt { get; }

    public RoomEndReason EndReason { get; internal set; }

    /// <summary>When the last participant left, or when the room was made; meaningless while someone is in it.</summary>
    internal Instant EmptySince { get; set; }

    /// <summary>What is heard in it; null before the first audio track.</summary>
    internal RoomAudio? Audio { get; set; }

    /// <summary>Who speaks now, or spoke last; null until somebody has spoken, and when that one has gone.</summary>
    public Participant? DominantSpeaker => Audio?.Dominant;

    public IReadOnlyCollection<Participant> Participants => _participants.Values;

    public bool TryGetParticipant(string identity, out Participant participant) => _participants.TryGetValue(identity, out participant!);

    internal void Add(Participant participant) => _participants.Add(participant.Identity, participant);

    internal void Remove(Participant participant) => _participants.Remove(participant.Identity);
}
