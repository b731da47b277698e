namespace V100.Sfu.Rtp;

/// <summary>
/// A cursor over bits, the most significant first. A read that goes beyond the end sets <see cref="Overflowed"/> and gives zeros from then
/// on, so a field list is checked once, at its end.
/// </summary>
internal ref struct BitReader(ReadOnlySpan<byte> bytes, int position = 0)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>In bits from the start.</summary>
    public int Position { get; private set; } = position;
    public bool Overflowed { get; private set; }
    public readonly int Length => 8 * _bytes.Length;

    /// <summary>f(n) of the AV1 RTP specification, u(n) of H.264.</summary>
    /// <param name="count">0 to 32.</param>
    public uint Read(int count)
    {
        if (Overflowed || count > Length - Position)
        {
            Overflowed = true;
            return 0;
        }

        uint value = 0;
        while (count > 0)
        {
            int inByte = 8 - (Position & 7);
            int taken = Math.Min(inByte, count);
            int bits = _bytes[Position >> 3] >> (inByte - taken) & ((1 << taken) - 1);
            value = value << taken | (uint)bits;
            Position += taken;
            count -= taken;
        }

        return value;
    }

    public bool ReadFlag() => Read(1) != 0;

    /// <summary>ns(n): a value below <paramref name="limit"/> in as few bits as that allows (RTP Payload Format For AV1, A.8.1).</summary>
    public uint ReadBelow(uint limit)
    {
        int width = 32 - System.Numerics.BitOperations.LeadingZeroCount(limit);
        uint shortValues = (1u << width) - limit;
        uint value = Read(width - 1);
        return value < shortValues ? value : (value << 1) - shortValues + Read(1);
    }

    /// <summary>ue(v) of H.264 (9.1): as many zeros as bits follow the one.</summary>
    public uint ReadExponential()
    {
        int zeros = 0;
        while (!Overflowed && !ReadFlag())
        {
            zeros++;
        }

        // More than 31 zeros stand before no number of 32 bits.
        Overflowed |= zeros > 31;
        return Overflowed ? 0 : (1u << zeros) - 1 + Read(zeros);
    }
}
