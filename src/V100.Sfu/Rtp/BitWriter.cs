namespace V100.Sfu.Rtp;

/// <summary>
/// Writes bits into the caller's bytes, the most significant first. What does not fit sets <see cref="Overflowed"/>, which is checked once,
/// at the end; the bits behind the last one of its byte are zero.
/// </summary>
internal ref struct BitWriter(Span<byte> bytes)
{
    private readonly Span<byte> _bytes = bytes;

    /// <summary>In bits from the start.</summary>
    public int Position { get; private set; }
    public bool Overflowed { get; private set; }

    /// <summary>Bytes that are begun.</summary>
    public readonly int Length => Position + 7 >> 3;

    /// <param name="value">Its low <paramref name="count"/> bits are written.</param>
    /// <param name="count">0 to 32.</param>
    public void Write(uint value, int count)
    {
        if (Overflowed || count > 8 * _bytes.Length - Position)
        {
            Overflowed = true;
            return;
        }

        while (count > 0)
        {
            int used = Position & 7;
            int taken = Math.Min(8 - used, count);
            uint bits = value >> (count - taken) & ((1u << taken) - 1);
            ref byte target = ref _bytes[Position >> 3];
            target = (byte)((used == 0 ? 0u : target) | bits << (8 - used - taken));
            Position += taken;
            count -= taken;
        }
    }

    /// <summary>Copies bits that the source has.</summary>
    public void Copy(ReadOnlySpan<byte> source, int position, int count)
    {
        var reader = new BitReader(source, position);
        for (; count > 0; count -= 32)
        {
            int taken = Math.Min(count, 32);
            Write(reader.Read(taken), taken);
        }

        Overflowed |= reader.Overflowed;
    }
}
