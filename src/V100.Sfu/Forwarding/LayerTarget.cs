using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>What a subscriber is to get of a track.</summary>
/// <param name="Encoding">Index of the simulcast encoding, from the lowest; negative for nothing at all.</param>
/// <param name="Spatial">The highest spatial layer in it.</param>
/// <param name="Temporal">The highest temporal layer in it.</param>
public readonly record struct LayerTarget(int Encoding, int Spatial = PacketLayers.MaxLayer, int Temporal = PacketLayers.MaxLayer)
{
    public static LayerTarget None { get; } = new(-1, 0, 0);

    public bool IsNone => Encoding < 0;
}
