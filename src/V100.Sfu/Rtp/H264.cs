using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>Types of H.264 NAL units and of the packets that carry them (RFC 6184, 5.2).</summary>
public enum H264NalType : byte
{
    Slice = 1,
    IdrSlice = 5,
    SupplementalEnhancement = 6,
    SequenceParameterSet = 7,
    PictureParameterSet = 8,
    AccessUnitDelimiter = 9,
    SingleTimeAggregation = 24,
    FragmentationUnit = 28,
}

/// <summary>The H.264 payload format (RFC 6184): what an SFU needs to see of it.</summary>
public static class H264
{
    /// <summary>The type in the first byte of a payload that is not empty.</summary>
    public static H264NalType GetType(byte nalHeader) => (H264NalType)(nalHeader & 0x1F);

    /// <summary>
    /// The payload begins a picture that decodes without an earlier one: an SPS, which encoders of real-time streams send
    /// before each IDR picture, or an IDR slice, alone, aggregated or as the first fragment.
    /// </summary>
    public static bool IsKeyframeStart(ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty)
        {
            return false;
        }

        return GetType(payload[0]) switch
        {
            H264NalType.SequenceParameterSet or H264NalType.IdrSlice => true,
            H264NalType.SingleTimeAggregation => ContainsKeyframe(payload[1..]),

            // RFC 6184, 5.8: the FU header has the start bit and the type of the unit that is cut.
            H264NalType.FragmentationUnit => payload.Length > 2 && (payload[1] & 0x80) != 0
                && GetType(payload[1]) is H264NalType.IdrSlice or H264NalType.SequenceParameterSet,
            _ => false,
        };
    }

    /// <summary>Finds a whole SPS in a payload, alone or aggregated: a NAL unit from its header on.</summary>
    public static bool TryFindParameters(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> unit)
    {
        unit = payload;
        return !payload.IsEmpty && GetType(payload[0]) switch
        {
            H264NalType.SequenceParameterSet => true,
            H264NalType.SingleTimeAggregation => TryFindInAggregate(payload[1..], H264NalType.SequenceParameterSet, out unit),
            _ => false,
        };
    }

    private static bool ContainsKeyframe(ReadOnlySpan<byte> units) =>
        TryFindInAggregate(units, H264NalType.SequenceParameterSet, out _) || TryFindInAggregate(units, H264NalType.IdrSlice, out _);

    // RFC 6184, 5.7.1: units with 16 bits of length each.
    private static bool TryFindInAggregate(ReadOnlySpan<byte> units, H264NalType type, out ReadOnlySpan<byte> unit)
    {
        unit = default;
        while (units.Length > 2)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(units);
            if (length == 0 || length > units.Length - 2)
            {
                return false;
            }

            unit = units.Slice(2, length);
            if (GetType(unit[0]) == type)
            {
                return true;
            }

            units = units[(2 + length)..];
        }

        return false;
    }
}
