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
    private readonly NameOrder _identities = new();

    internal Room(string name, int maxParticipants, TimeSpan emptyTimeout, string? metadata, DateTimeOffset createdAt)
    {
        Name = name;
        MaxParticipants = maxParticipants;
        EmptyTimeout = emptyTimeout;
        Metadata = metadata;
        CreatedAt = createdAt;
    }

    public string Name { get; }
    public int MaxParticipants { get; internal set; }
    public TimeSpan EmptyTimeout { get; internal set; }
    public string? Metadata { get; internal set; }

    /// <summary>Changes with these three. No other room has had it.</summary>
    public ulong Version { get; internal set; }

    /// <summary>Wall-clock time as the caller gave it: for people, never for decisions.</summary>
    public DateTimeOffset CreatedAt { get; }

    public RoomEndReason EndReason { get; internal set; }

    /// <summary>When the last participant left, or when the room was made; meaningless while someone is in it.</summary>
    internal Instant EmptySince { get; set; }

    /// <summary>What is heard in it; null before the first audio track.</summary>
    internal RoomAudio? Audio { get; set; }

    /// <summary>What its listeners are told; null where there are none.</summary>
    internal RoomTick? Tick { get; set; }

    /// <summary>Who speaks now, or spoke last; null until somebody has spoken, and when that one has gone.</summary>
    public Participant? DominantSpeaker => Audio?.Dominant;

    public IReadOnlyCollection<Participant> Participants => _participants.Values;

    public bool TryGetParticipant(string identity, out Participant participant) => _participants.TryGetValue(identity, out participant!);

    /// <summary>Participants with a session that publishes, connected or about to be.</summary>
    internal int CountPublishers()
    {
        int count = 0;
        foreach (Participant participant in _participants.Values)
        {
            count += participant.Publishing is null ? 0 : 1;
        }

        return count;
    }

    /// <summary>A page of the participants, in the order of their identities.</summary>
    /// <param name="after">The identity behind which it begins; null for the first page.</param>
    /// <param name="count">The most of them.</param>
    public List<Participant> List(string? after, int count) => _identities.Take(after, count).ConvertAll(identity => _participants[identity]);

    internal void Add(Participant participant)
    {
        _participants.Add(participant.Identity, participant);
        _identities.Add(participant.Identity);
    }

    internal void Remove(Participant participant)
    {
        _participants.Remove(participant.Identity);
        _identities.Remove(participant.Identity);
    }
}
