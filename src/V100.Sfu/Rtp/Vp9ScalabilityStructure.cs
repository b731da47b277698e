using System.Buffers.Binary;
using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>The scalability structure of VP9 (RFC 9628, 4.2.1), a view of the bytes at the end of a payload descriptor.</summary>
public readonly ref struct Vp9ScalabilityStructure
{
    private readonly ReadOnlySpan<byte> _sizes;

    private Vp9ScalabilityStructure(int spatialLayers, ReadOnlySpan<byte> sizes, int length)
    {
        SpatialLayerCount = spatialLayers;
        _sizes = sizes;
        Length = length;
    }

    /// <summary>N_S + 1: 1 to 8.</summary>
    public int SpatialLayerCount { get; }

    /// <summary>In bytes.</summary>
    public int Length { get; }

    /// <summary>The size of a spatial layer's frames; false where the structure has none.</summary>
    public bool TryGetResolution(int spatialLayer, out int width, out int height)
    {
        bool known = 4 * spatialLayer < _sizes.Length;
        width = known ? BinaryPrimitives.ReadUInt16BigEndian(_sizes[(4 * spatialLayer)..]) : 0;
        height = known ? BinaryPrimitives.ReadUInt16BigEndian(_sizes[(4 * spatialLayer + 2)..]) : 0;
        return known;
    }

    public static bool TryParse(ReadOnlySpan<byte> bytes, out Vp9ScalabilityStructure structure)
    {
        structure = default;
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte flags))
        {
            return false;
        }

        int spatialLayers = (flags >> 5) + 1;
        ReadOnlySpan<byte> sizes = default;
        if ((flags & 0x10) != 0 && !reader.TryRead(4 * spatialLayers, out sizes)
            || (flags & 0x08) != 0 && !TrySkipPictureGroup(ref reader))
        {
            return false;
        }

        structure = new Vp9ScalabilityStructure(spatialLayers, sizes, reader.Position);
        return true;
    }

    // The group says what the pictures of its period refer to; whether a layer may be taken up is said by each packet's U as well.
    private static bool TrySkipPictureGroup(ref SpanReader reader)
    {
        if (!reader.TryReadByte(out byte pictures))
        {
            return false;
        }

        for (int picture = 0; picture < pictures; picture++)
        {
            if (!reader.TryReadByte(out byte layer) || !reader.TrySkip(layer >> 2 & 0x03))
            {
                return false;
            }
        }

        return true;
    }
}
