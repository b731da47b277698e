namespace V100.Server.Control;

/// <summary>
/// A field of a change: absent leaves what is, null takes it away (RFC 7396).
/// </summary>
/// <param name="IsGiven">The request has it.</param>
/// <param name="Value">Null for no limit.</param>
internal readonly record struct Change<T>(bool IsGiven, T? Value)
    where T : struct
{
    public T? Over(T? present) => IsGiven ? Value : present;
}

/// <summary>The same of text; null for none.</summary>
internal readonly record struct TextChange(bool IsGiven, string? Value)
{
    public string? Over(string? present) => IsGiven ? Value : present;
}

/// <summary>What a change of a room asks for.</summary>
internal sealed record RoomWish(Change<int> MaxParticipants, Change<int> EmptyTimeoutSeconds, TextChange Metadata);

/// <summary>What a change of a participant asks for.</summary>
/// <param name="Name">What others see.</param>
/// <param name="Metadata">The product's own.</param>
/// <param name="PermissionsAreGiven">False leaves permissions as they are.</param>
/// <param name="Permissions">Null gives back those of the tokens.</param>
internal sealed record ParticipantWish(TextChange Name, TextChange Metadata, bool PermissionsAreGiven, PermissionWish? Permissions);

/// <summary>A permission that is taken away from the change is one that is not restricted.</summary>
internal sealed record PermissionWish
{
    public Change<bool> CanPublish { get; init; }
    public Change<bool> CanSubscribe { get; init; }
    public Change<bool> CanPublishData { get; init; }
    public bool SourcesAreGiven { get; init; }

    /// <summary>Null for every source.</summary>
    public IReadOnlyList<string>? Sources { get; init; }
}

/// <summary>How a change ended.</summary>
internal enum ChangeOutcome
{
    Done,
    NotFound,

    /// <summary>The entity tag is not that of the present state: 412.</summary>
    StaleEntityTag,
}

/// <param name="Outcome">Whether the rest holds.</param>
/// <param name="View">As it is now.</param>
internal readonly record struct Changed<T>(ChangeOutcome Outcome, T? View = null)
    where T : class;
