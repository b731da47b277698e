namespace V100.Sfu.Rtp;

/// <summary>The aggregation header, the first byte of every AV1 payload (RTP Payload Format For AV1, 4.4).</summary>
public readonly record struct Av1AggregationHeader(byte Value)
{
    private const int SequenceHeaderObu = 1;
    private const int TemporalDelimiterObu = 2;

    /// <summary>Z: the first element continues one of the previous packet.</summary>
    public bool ContinuesElement => (Value & 0x80) != 0;

    /// <summary>Y: the last element goes on in the next packet.</summary>
    public bool IsContinued => (Value & 0x40) != 0;

    /// <summary>W: how many elements there are, 1 to 3, the last one without length; 0 when each has a length.</summary>
    public int ElementCount => Value >> 4 & 0x03;

    /// <summary>N: first packet of a coded video sequence, which begins with a key frame.</summary>
    public bool StartsCodedVideoSequence => (Value & 0x08) != 0;

    /// <summary>
    /// The payload begins a key frame: the packet says that it starts a coded video sequence, or (from senders that never set
    /// that bit) its first unit is a sequence header.
    /// </summary>
    public static bool IsKeyframeStart(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 2)
        {
            return false;
        }

        var header = new Av1AggregationHeader(payload[0]);
        if (header.ContinuesElement)
        {
            return false;
        }

        return header.StartsCodedVideoSequence || FirstUnitIsSequenceHeader(payload[1..], header.ElementCount);
    }

    private static bool FirstUnitIsSequenceHeader(ReadOnlySpan<byte> elements, int elementCount)
    {
        // Two looks: a temporal delimiter, which should not be sent, may stand before it.
        for (int element = 1; element <= 2; element++)
        {
            bool hasLength = elementCount == 0 || element < elementCount;
            int length = elements.Length;
            if (hasLength && !TryReadLength(ref elements, out length) || length == 0)
            {
                return false;
            }

            int type = elements[0] >> 3 & 0x0F;
            if (type != TemporalDelimiterObu)
            {
                return type == SequenceHeaderObu;
            }

            elements = elements[length..];
        }

        return false;
    }

    // leb128 (AV1 bitstream, 4.10.5), at most what a packet's length needs.
    private static bool TryReadLength(ref ReadOnlySpan<byte> bytes, out int length)
    {
        length = 0;
        for (int index = 0; index < 3 && index < bytes.Length; index++)
        {
            length |= (bytes[index] & 0x7F) << (7 * index);
            if ((bytes[index] & 0x80) == 0)
            {
                bytes = bytes[(index + 1)..];
                return length <= bytes.Length;
            }
        }

        return false;
    }
}
