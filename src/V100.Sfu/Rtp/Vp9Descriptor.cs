using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>The VP9 payload descriptor (RFC 9628, 4.2)</summary>
public readonly record struct Vp9Descriptor
{
    /// <summary>Bytes before the VP9 payload.</summary>
    public int Length { get; private init; }

    public bool HasPictureId { get; private init; }
    public bool HasLongPictureId { get; private init; }

    /// <summary>7 or 15 bits.</summary>
    public ushort PictureId { get; private init; }

    /// <summary>P: the frame is predicted from an earlier picture.</summary>
    public bool IsInterPicturePredicted { get; private init; }

    /// <summary>F: references are listed, not implied by layers.</summary>
    public bool IsFlexible { get; private init; }

    /// <summary>B: first packet of a layer frame.</summary>
    public bool StartsFrame { get; private init; }

    /// <summary>E: last packet of a layer frame.</summary>
    public bool EndsFrame { get; private init; }

    /// <summary>Z: not a reference for a higher spatial layer.</summary>
    public bool IsNotUpperReference { get; private init; }

    /// <summary>L: the layer fields are meaningful.</summary>
    public bool HasLayers { get; private init; }

    /// <summary>TID, 0 to 7.</summary>
    public byte TemporalLayer { get; private init; }

    /// <summary>U: a receiver may switch up to this temporal layer here.</summary>
    public bool IsSwitchingUpPoint { get; private init; }

    /// <summary>SID, 0 to 7.</summary>
    public byte SpatialLayer { get; private init; }

    /// <summary>D: depends on the spatial layer below in the same picture.</summary>
    public bool IsInterLayerPredicted { get; private init; }

    public bool HasTemporalLevelZeroIndex { get; private init; }

    /// <summary>TL0PICIDX, in non-flexible mode.</summary>
    public byte TemporalLevelZeroIndex { get; private init; }

    /// <summary>V: a scalability structure is in this packet.</summary>
    public bool HasScalabilityStructure { get; private init; }

    /// <summary>P_DIFF: the pictures that the frame refers to, in flexible mode.</summary>
    public FrameReferences References { get; private init; }

    private int StructureOffset { get; init; }

    public bool StartsKeyframe => StartsFrame && !IsInterPicturePredicted && SpatialLayer == 0 && !IsInterLayerPredicted;

    public static bool TryParse(ReadOnlySpan<byte> payload, out Vp9Descriptor descriptor)
    {
        descriptor = default;
        var reader = new SpanReader(payload);
        if (!reader.TryReadByte(out byte flags))
        {
            return false;
        }

        bool hasPictureId = (flags & 0x80) != 0;
        bool hasLayers = (flags & 0x20) != 0;
        bool isFlexible = (flags & 0x10) != 0;
        bool isPredicted = (flags & 0x40) != 0;
        bool hasStructure = (flags & 0x02) != 0;
        byte high = 0;
        byte low = 0;
        byte layers = 0;
        byte levelZero = 0;
        FrameReferences references = default;
        if (hasPictureId && !reader.TryReadByte(out high)
            || (high & 0x80) != 0 && !reader.TryReadByte(out low)
            || hasLayers && !reader.TryReadByte(out layers)
            || hasLayers && !isFlexible && !reader.TryReadByte(out levelZero)
            || isFlexible && isPredicted && !TryReadReferences(ref reader, out references))
        {
            return false;
        }

        int structureOffset = reader.Position;
        if (hasStructure && !(Vp9ScalabilityStructure.TryParse(reader.Rest, out Vp9ScalabilityStructure structure) && reader.TrySkip(structure.Length)))
        {
            return false;
        }

        bool isLong = (high & 0x80) != 0;
        descriptor = new Vp9Descriptor
        {
            Length = reader.Position,
            HasPictureId = hasPictureId,
            HasLongPictureId = isLong,
            PictureId = isLong ? (ushort)((high & 0x7F) << 8 | low) : high,
            IsInterPicturePredicted = isPredicted,
            IsFlexible = isFlexible,
            StartsFrame = (flags & 0x08) != 0,
            EndsFrame = (flags & 0x04) != 0,
            IsNotUpperReference = (flags & 0x01) != 0,
            HasLayers = hasLayers,
            TemporalLayer = (byte)(layers >> 5),
            IsSwitchingUpPoint = (layers & 0x10) != 0,
            SpatialLayer = (byte)(layers >> 1 & 0x07),
            IsInterLayerPredicted = (layers & 0x01) != 0,
            HasTemporalLevelZeroIndex = hasLayers && !isFlexible,
            TemporalLevelZeroIndex = levelZero,
            HasScalabilityStructure = hasStructure,
            References = references,
            StructureOffset = structureOffset,
        };
        return reader.Remaining > 0;
    }

    /// <summary>The structure of a payload that this descriptor was read from; false when it has none.</summary>
    public bool TryGetStructure(ReadOnlySpan<byte> payload, out Vp9ScalabilityStructure structure)
    {
        structure = default;
        return HasScalabilityStructure && Vp9ScalabilityStructure.TryParse(payload[StructureOffset..], out structure);
    }

    /// <summary>The payload begins a key frame: the start of a frame of the lowest spatial layer that is predicted from nothing.</summary>
    public static bool IsKeyframeStart(ReadOnlySpan<byte> payload) =>
        TryParse(payload, out Vp9Descriptor descriptor) && descriptor.StartsKeyframe;

    // RFC 9628, 4.2: up to three P_DIFF bytes, each saying in its last bit whether one more follows.
    private static bool TryReadReferences(ref SpanReader reader, out FrameReferences references)
    {
        references = default;
        for (int count = 0; count < 3; count++)
        {
            if (!reader.TryReadByte(out byte reference))
            {
                return false;
            }

            references = references.With(reference >> 1);
            if ((reference & 0x01) == 0)
            {
                return true;
            }
        }

        return false;
    }
}
