namespace V100.Sfu.Bwe;

/// <summary>
/// What a subscriber limits itself to. Limits choose among what the publisher sends: where nothing lies within them, the smallest option is
/// taken, for only <see cref="IsPaused"/> asks for nothing.
/// </summary>
public readonly record struct LayerConstraints()
{
    /// <summary>The subscriber wants nothing at present.</summary>
    public bool IsPaused { get; init; }

    public sbyte MaxEncoding { get; init; } = sbyte.MaxValue;
    public sbyte MaxSpatial { get; init; } = sbyte.MaxValue;
    public sbyte MaxTemporal { get; init; } = sbyte.MaxValue;
    public long MaxBitrateBps { get; init; } = long.MaxValue;

    /// <summary>The size at which the picture is shown, in pixels; 0 for any. Nothing larger is sent than the smallest that fills it.</summary>
    public int Width { get; init; }

    /// <inheritdoc cref="Width"/>
    public int Height { get; init; }

    public float MaxFramesPerSecond { get; init; } = float.MaxValue;

    internal bool HasSize => Width > 0 && Height > 0;

    internal bool Allows(in LayerOption option) =>
        option.Choice.Encoding <= MaxEncoding && option.Choice.Spatial <= MaxSpatial && option.Choice.Temporal <= MaxTemporal
        && option.BitrateBps <= MaxBitrateBps && option.FramesPerSecond <= MaxFramesPerSecond;

    /// <summary>Shown whole within the size, the picture is enlarged by no more than a tenth.</summary>
    internal bool IsFilledBy(in LayerOption option) => option.Width * 1.1 >= Width || option.Height * 1.1 >= Height;
}
