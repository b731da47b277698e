using V100.Sfu.Bwe;

namespace V100.Sfu.Forwarding;

/// <summary>
/// A track's encodings by size. An offer may list them in any order, so their index says nothing: more pixels are more, then more bits a
/// second, then what stands later in the offer. An encoding whose size no keyframe told yet is larger than those that are known.
/// </summary>
public static class EncodingOrder
{
    /// <summary>The place of an encoding, counted from the smallest, 0.</summary>
    public static int PlaceOf(ReadOnlySpan<EncodingFigures> encodings, int index)
    {
        int place = 0;
        for (int other = 0; other < encodings.Length; other++)
        {
            place += other != index && IsSmaller(encodings, other, index) ? 1 : 0;
        }

        return place;
    }

    /// <summary>Makes the subscriber's limits, which name encodings, such that choose among those of a track.</summary>
    public static LayerConstraints Resolve(in LayerConstraints wished, ReadOnlySpan<EncodingFigures> encodings)
    {
        int named = IndexOf(encodings, wished.MaxRid);
        if (encodings.Length <= 1)
        {
            return wished with { MaxSpatial = (sbyte)Math.Min(wished.MaxSpatial, wished.MaxPlace) };
        }

        int maxPlace = Math.Min(wished.MaxPlace, named < 0 ? int.MaxValue : PlaceOf(encodings, named));
        uint allowed = maxPlace < encodings.Length - 1 ? 0 : uint.MaxValue;
        for (int index = 0; index < encodings.Length && allowed != uint.MaxValue; index++)
        {
            allowed |= PlaceOf(encodings, index) <= maxPlace ? EncodingWishes.MaskOf(index) : 0;
        }

        return wished with { Encodings = allowed };
    }

    /// <summary>The encoding of that name; -1 for none.</summary>
    public static int IndexOf(ReadOnlySpan<EncodingFigures> encodings, string? rid)
    {
        for (int index = 0; index < encodings.Length && rid is not null; index++)
        {
            if (encodings[index].Rid == rid)
            {
                return index;
            }
        }

        return -1;
    }

    private static bool IsSmaller(ReadOnlySpan<EncodingFigures> encodings, int left, int right)
    {
        int byPixels = PixelsOf(encodings[left]).CompareTo(PixelsOf(encodings[right]));
        int byRate = encodings[left].SteadyBps.CompareTo(encodings[right].SteadyBps);
        return byPixels != 0 ? byPixels < 0 : byRate != 0 ? byRate < 0 : left < right;
    }

    private static long PixelsOf(EncodingFigures encoding) => encoding.Width == 0 ? long.MaxValue : (long)encoding.Width * encoding.Height;
}
