namespace V100.Server.Control;

/// <summary>What a subscriber asks to be sent of video, and no more.</summary>
internal sealed record LayerWish
{
    /// <summary>The published track; null for all video of the session.</summary>
    public string? TrackId { get; init; }

    public Change<LayerBound> MaxLayer { get; init; }
    public Change<int> MaxBitrateBps { get; init; }

    /// <summary>The size at which the picture is shown.</summary>
    public Change<LayerSize> Size { get; init; }
    public Change<bool> Paused { get; init; }
}

/// <summary>The largest encoding: by its rid, or by its place counted from the smallest, 0.</summary>
internal readonly record struct LayerBound(string? Rid, int Place);

/// <summary>In pixels.</summary>
internal readonly record struct LayerSize(int Width, int Height);

/// <summary>How a limit ended.</summary>
internal enum LayerOutcome
{
    Limited,

    /// <summary>No such session any more.</summary>
    NotFound,

    /// <summary>The session is sent no video: 409.</summary>
    PlaysNothing,

    /// <summary>The session does not play that track, or none that has layers: 422.</summary>
    NotPlayed,

    /// <summary>The publisher has no encoding of that name: 422.</summary>
    NoSuchLayer,
}

/// <param name="Outcome">Whether the limits hold.</param>
/// <param name="Limits">Those that now hold.</param>
/// <param name="Allowed">What would be right, where a name is wrong.</param>
internal sealed record LayerPatch(LayerOutcome Outcome, LayerLimitListView? Limits = null, string Allowed = "");
