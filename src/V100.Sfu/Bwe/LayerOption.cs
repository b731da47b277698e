namespace V100.Sfu.Bwe;

/// <summary>What a subscription is sent: an encoding (one simulcast stream), and in it the highest spatial and temporal layer.</summary>
public readonly record struct LayerChoice(sbyte Encoding, sbyte Spatial, sbyte Temporal)
{
    /// <summary>Nothing is sent.</summary>
    public static readonly LayerChoice None = new(-1, -1, -1);

    public bool IsNone => Encoding < 0;

    public override string ToString() => IsNone ? "none" : $"{Encoding}/{Spatial}/{Temporal}";
}

/// <summary>
/// One choice that a track offers, with all that it contains: layer 2 of an encoding includes layers 0 and 1. Zero means unknown; what is
/// assumed then stands with <see cref="LayerRates"/>.
/// </summary>
/// <param name="Choice">The layers.</param>
/// <param name="BitrateBps">Measured, smoothed over about a second, with the lower layers that it needs; on the wire as far as the caller knows.</param>
/// <param name="Width">In pixels.</param>
/// <param name="Height">In pixels.</param>
/// <param name="FramesPerSecond">At this temporal layer.</param>
public readonly record struct LayerOption(LayerChoice Choice, long BitrateBps, int Width = 0, int Height = 0, float FramesPerSecond = 0);
