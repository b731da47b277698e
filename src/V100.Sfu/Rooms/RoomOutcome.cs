namespace V100.Sfu.Rooms;

public enum RoomOutcome
{
    Created,
    Existing,

    /// <summary><see cref="RoomLimits.MaxRooms"/> is reached.</summary>
    TooManyRooms,
}

public enum JoinOutcome
{
    Joined,
    NoSuchRoom,
    TooManyRooms,
    RoomFull,
    TooManySessions,

    /// <summary><see cref="RoomLimits.MaxPublishersPerRoom"/> is reached.</summary>
    TooManyPublishers,

    /// <summary>An administrator has taken the permission from the participant, which is in the room.</summary>
    NotPermitted,

    /// <summary>The offer is not SDP; the error names the line.</summary>
    OfferMalformed,

    /// <summary>The offer is SDP, but nothing in it can be used here; the error says why.</summary>
    OfferNotAcceptable,
}

public enum IceRestartOutcome
{
    Restarted,

    /// <summary>The fragment carries the credentials in force: trickled candidates, which an ICE-lite server needs not.</summary>
    NothingNew,
    Malformed,
    SessionClosed,
}

/// <summary>What joins a room: who, with which offer, to do what.</summary>
public sealed record JoinRequest
{
    public required string Room { get; init; }
    public required string Identity { get; init; }
    public string? Name { get; init; }
    public string? Metadata { get; init; }
    public required Sdp.SessionRole Role { get; init; }

    /// <summary>What the token grants.</summary>
    public ParticipantPermissions Permissions { get; init; } = ParticipantPermissions.Everything;
    public required string Offer { get; init; }

    /// <summary>The identity to play; null follows the room's only, or loudest, publisher.</summary>
    public string? Target { get; init; }
}
