namespace V100.Sfu.Rtp;

/// <summary>
/// Padding behind an RTP header that has its P bit set (RFC 3550, 5.1). A packet of header and padding alone takes a slot of
/// the sequence that no media packet will fill.
/// </summary>
public static class Padding
{
    /// <summary>Zeros and the count byte. Returns <paramref name="length"/>, or 0 when it does not fit.</summary>
    /// <param name="destination">The bytes behind the header (or payload).</param>
    /// <param name="length">1 to 255, the count byte included.</param>
    public static int Write(Span<byte> destination, int length)
    {
        if (length is < 1 or > byte.MaxValue || destination.Length < length)
        {
            return 0;
        }

        destination[..(length - 1)].Clear();
        destination[length - 1] = (byte)length;
        return length;
    }
}
