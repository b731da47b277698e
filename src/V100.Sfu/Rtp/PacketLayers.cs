namespace V100.Sfu.Rtp;

/// <summary>
/// What one packet says of its place in its stream: which frame, which layers, and what may be done there. Read once where the packet is
/// received (<see cref="PacketLayersReader"/>), for all subscribers.
/// </summary>
public readonly record struct PacketLayers
{
    /// <summary>The highest spatial and temporal layer of any format: three bits.</summary>
    public const int MaxLayer = 7;

    /// <summary>The RTP timestamp of the source: one for all layers of a picture.</summary>
    public uint Timestamp { get; init; }

    /// <summary>
    /// Grows from picture to picture, without wraps, in decoding order: by one where the stream numbers its pictures, else by the timestamp's
    /// steps. With a dependency descriptor each layer of a picture has a number of its own; in VP9 all layers share one.
    /// </summary>
    public long Picture { get; init; }

    /// <summary>First packet of a layer's frame.</summary>
    public bool StartsFrame { get; init; }

    /// <summary>Last packet of a layer's frame.</summary>
    public bool EndsFrame { get; init; }

    /// <summary>Last packet of the picture, all of its layers: the marker.</summary>
    public bool EndsPicture { get; init; }

    /// <summary>The picture decodes without an earlier one. Of packets that overtook the picture's first one it is not known.</summary>
    public bool IsKeyframe { get; init; }

    public byte SpatialLayer { get; init; }
    public byte TemporalLayer { get; init; }

    /// <summary>The highest layers of the stream, announced or seen.</summary>
    public byte TopSpatialLayer { get; init; }
    public byte TopTemporalLayer { get; init; }

    /// <summary>VP8's Y, VP9's U: who has the layers below may take up this temporal layer here.</summary>
    public bool IsTemporalSwitchingPoint { get; init; }

    /// <summary>VP9's U, as RFC 9628 words it: who has this layer may take up higher ones behind it.</summary>
    public bool OpensTemporalLayers { get; init; }

    /// <summary>VP9 without P: predicted within its picture alone, so that its spatial layer may be taken up here.</summary>
    public bool IsSpatialSwitchingPoint { get; init; }

    /// <summary>No other frame refers to it, as far as the stream says.</summary>
    public bool IsDiscardable { get; init; }

    /// <summary>The next higher spatial layer of the picture is not predicted from it.</summary>
    public bool IsNotUpperReference { get; init; }

    /// <summary><see cref="References"/> is what the stream says; else it says nothing.</summary>
    public bool HasReferences { get; init; }

    /// <summary>By their distance in <see cref="Picture"/>.</summary>
    public FrameReferences References { get; init; }

    /// <summary>Where a dependency descriptor says what the frame is to whom; null without one, or while its structure is missing.</summary>
    public DependencyStructure? Structure { get; init; }

    /// <summary>Of <see cref="Structure"/>.</summary>
    public byte TemplateIdOffset { get; init; }

    /// <summary>Two bits for each decode target of <see cref="Structure"/>: a <see cref="DecodeTargetIndication"/>.</summary>
    public ulong Indications { get; init; }

    /// <summary>The mask in force: the publisher sends no frames for decode targets that are not in it.</summary>
    public uint ActiveDecodeTargets { get; init; }

    /// <summary>The size of the spatial layer's frames in pixels, as last announced; 0 while unknown.</summary>
    public ushort Width { get; init; }
    public ushort Height { get; init; }

    /// <summary>A subscriber may begin here.</summary>
    public bool StartsKeyframe => StartsFrame && IsKeyframe && SpatialLayer == 0;

    public DecodeTargetIndication IndicationOf(int decodeTarget) => (DecodeTargetIndication)(Indications >> (2 * decodeTarget) & 3);
}
