namespace V100.Sfu.Rooms;

/// <summary>The bounds of the room layer. At a bound a request is refused, and nothing that runs is touched.</summary>
public sealed record RoomLimits
{
    public int MaxRooms { get; init; } = 100_000;
    public int MaxParticipantsPerRoom { get; init; } = 3_000;

    public int MaxPublishersPerRoom { get; init; } = 3_000;

    /// <summary>Sessions of one participant: one that publishes and one for each that it plays.</summary>
    public int MaxSessionsPerParticipant { get; init; } = 256;

    public int MaxSessions { get; init; } = 100_000;

    /// <summary>How long a room without participants lives, where its creator says nothing else.</summary>
    public TimeSpan EmptyTimeout { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>Joining a room that does not exist makes it.</summary>
    public bool AutoCreate { get; init; } = true;

    /// <summary>How many audio tracks of a room go to its subscribers at a time, those of the loudest; 0 sends all.</summary>
    public int LoudestSpeakers { get; init; }

    /// <summary>Who may be told what happens in one room, <see cref="RoomDirectory.AddListener"/>.</summary>
    public int MaxListenersPerRoom { get; init; } = 3_000;

    /// <summary>How long a session waits for its first valid ICE check.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>What the creator of a room chooses.</summary>
public sealed record RoomSettings(int? MaxParticipants = null, TimeSpan? EmptyTimeout = null, string? Metadata = null);
