using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// The VP8 payload descriptor (RFC 7741, 4.2). <see cref="TryParse"/> reads it; changed with a <c>with</c> expression it is
/// written again with <see cref="Write"/>, whose length may differ from <see cref="Length"/> (a picture id grows from 7 to 15 bits).
/// </summary>
public readonly record struct Vp8Descriptor
{
    /// <summary>The longest descriptor.</summary>
    public const int MaxLength = 6;

    /// <summary>Bytes that it took where it was read.</summary>
    public int Length { get; private init; }

    /// <summary>N: no other frame depends on this one.</summary>
    public bool IsDiscardable { get; init; }

    /// <summary>S: the packet begins a partition.</summary>
    public bool StartsPartition { get; init; }

    /// <summary>PID, 0 to 7.</summary>
    public byte PartitionIndex { get; init; }

    public bool HasPictureId { get; init; }
    public bool HasLongPictureId { get; init; }

    /// <summary>7 or 15 bits.</summary>
    public ushort PictureId { get; init; }

    public bool HasTemporalLevelZeroIndex { get; init; }

    /// <summary>TL0PICIDX.</summary>
    public byte TemporalLevelZeroIndex { get; init; }

    /// <summary>T: <see cref="TemporalLayer"/> and <see cref="IsLayerSync"/> are meaningful.</summary>
    public bool HasTemporalLayer { get; init; }

    /// <summary>TID, 0 to 3.</summary>
    public byte TemporalLayer { get; init; }

    /// <summary>Y: the frame depends on layer 0 alone.</summary>
    public bool IsLayerSync { get; init; }

    /// <summary>K: <see cref="KeyIndex"/> is meaningful.</summary>
    public bool HasKeyIndex { get; init; }

    /// <summary>KEYIDX, 0 to 31.</summary>
    public byte KeyIndex { get; init; }

    /// <summary>The packet is the first of a frame.</summary>
    public bool StartsFrame => StartsPartition && PartitionIndex == 0;

    public static bool TryParse(ReadOnlySpan<byte> payload, out Vp8Descriptor descriptor)
    {
        descriptor = default;
        if (payload.IsEmpty)
        {
            return false;
        }

        byte first = payload[0];
        var parsed = new Vp8Descriptor
        {
            Length = 1,
            IsDiscardable = (first & 0x20) != 0,
            StartsPartition = (first & 0x10) != 0,
            PartitionIndex = (byte)(first & 0x07),
        };
        if ((first & 0x80) != 0 && !TryParseExtension(payload, ref parsed))
        {
            return false;
        }

        // RFC 7741, 4.3: at least one byte of VP8 payload follows.
        descriptor = parsed;
        return parsed.Length < payload.Length;
    }

    private static bool TryParseExtension(ReadOnlySpan<byte> payload, ref Vp8Descriptor parsed)
    {
        var reader = new SpanReader(payload[1..]);
        if (!reader.TryReadByte(out byte present))
        {
            return false;
        }

        byte high = 0;
        byte low = 0;
        byte levelZero = 0;
        byte layers = 0;
        bool hasPictureId = (present & 0x80) != 0;
        bool hasLevelZero = (present & 0x40) != 0;
        if (hasPictureId && !reader.TryReadByte(out high)
            || (high & 0x80) != 0 && !reader.TryReadByte(out low)
            || hasLevelZero && !reader.TryReadByte(out levelZero)
            || (present & 0x30) != 0 && !reader.TryReadByte(out layers))
        {
            return false;
        }

        bool isLong = (high & 0x80) != 0;
        parsed = parsed with
        {
            Length = 1 + reader.Position,
            HasPictureId = hasPictureId,
            HasLongPictureId = isLong,
            PictureId = isLong ? (ushort)((high & 0x7F) << 8 | low) : high,
            HasTemporalLevelZeroIndex = hasLevelZero,
            TemporalLevelZeroIndex = levelZero,
            HasTemporalLayer = (present & 0x20) != 0,
            TemporalLayer = (byte)(layers >> 6),
            IsLayerSync = (layers & 0x20) != 0,
            HasKeyIndex = (present & 0x10) != 0,
            KeyIndex = (byte)(layers & 0x1F),
        };
        return true;
    }

    /// <summary>Writes the descriptor; a picture id above 127 takes the long form. Returns its length, or 0 when it does not fit.</summary>
    public int Write(Span<byte> destination)
    {
        var writer = new SpanWriter(destination);
        bool hasLayers = HasTemporalLayer || HasKeyIndex;
        bool isExtended = HasPictureId || HasTemporalLevelZeroIndex || hasLayers;
        writer.WriteByte((byte)((isExtended ? 0x80 : 0) | (IsDiscardable ? 0x20 : 0) | (StartsPartition ? 0x10 : 0) | PartitionIndex & 0x07));
        if (isExtended)
        {
            writer.WriteByte((byte)((HasPictureId ? 0x80 : 0) | (HasTemporalLevelZeroIndex ? 0x40 : 0)
                | (HasTemporalLayer ? 0x20 : 0) | (HasKeyIndex ? 0x10 : 0)));
        }

        if (HasPictureId && (HasLongPictureId || PictureId > 0x7F))
        {
            writer.WriteUInt16((ushort)(0x8000 | PictureId));
        }
        else if (HasPictureId)
        {
            writer.WriteByte((byte)PictureId);
        }

        if (HasTemporalLevelZeroIndex)
        {
            writer.WriteByte(TemporalLevelZeroIndex);
        }

        if (hasLayers)
        {
            writer.WriteByte((byte)(TemporalLayer << 6 | (IsLayerSync ? 0x20 : 0) | KeyIndex & 0x1F));
        }

        return writer.Overflowed ? 0 : writer.Position;
    }

    /// <summary>The payload begins a key frame: its first partition, whose first bit is clear (RFC 6386, 9.1; RFC 7741, 4.3).</summary>
    public static bool IsKeyframeStart(ReadOnlySpan<byte> payload) =>
        TryParse(payload, out Vp8Descriptor descriptor) && descriptor.StartsFrame && (payload[descriptor.Length] & 0x01) == 0;
}
