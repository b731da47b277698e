namespace V100.Sfu.Bwe;

/// <summary>
/// What a subscriber limits itself to. Limits choose among what the publisher sends: where nothing lies within them, the smallest option is
/// taken, for only <see cref="IsPaused"/> asks for nothing.
/// </summary>
public readonly record struct LayerConstraints()
{
    /// <summary>The subscriber wants nothing at present.</summary>
    public bool IsPaused { get; init; }

    /// <summary>The name (RFC 8851) of the largest encoding; where the publisher has none of that name, it limits nothing.</summary>
    public string? MaxRid { get; init; }

    /// <summary>The place of the largest encoding, counted from the smallest, 0; where there is only one encoding, its highest spatial layer.</summary>
    public int MaxPlace { get; init; } = int.MaxValue;

    /// <summary>What <see cref="MaxRid"/> and <see cref="MaxPlace"/> leave, by what is now known of the publisher's encodings: one bit for each, in the order of the offer.</summary>
    public uint Encodings { get; init; } = uint.MaxValue;

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
        (Encodings & EncodingWishes.MaskOf(option.Choice.Encoding)) != 0 && option.Choice.Spatial <= MaxSpatial && option.Choice.Temporal <= MaxTemporal
        && option.BitrateBps <= MaxBitrateBps && option.FramesPerSecond <= MaxFramesPerSecond;

    /// <summary>Shown whole within the size, the picture is enlarged by no more than a tenth.</summary>
    internal bool IsFilledBy(in LayerOption option) => option.Width * 1.1 >= Width || option.Height * 1.1 >= Height;
}
