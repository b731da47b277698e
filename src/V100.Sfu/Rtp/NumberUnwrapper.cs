namespace V100.Sfu.Rtp;

/// <summary>
/// Turns numbers of a few bits that wrap (picture ids, frame numbers, timestamps) into ones that do not: each is read as the one nearest to
/// the newest so far. A mutable struct: hold it in a field, not in a readonly one.
/// </summary>
/// <remarks>
/// A picture id may change its width in mid-stream: one that was short and has wrapped goes on in its long form from where its few bits stood
/// (RFC 7741, 4.2; RFC 9628, 4.2), so at such a change only the bits that both forms have say which number is meant.
/// </remarks>
internal struct NumberUnwrapper
{
    // The first number starts this far up, so that what is older does not become negative.
    private const long FirstCycle = 1L << 40;

    private long _newest;
    private int _bits;

    /// <summary>Number − value, of the width of the newest: whole wraps of the shorter one.</summary>
    private long _distance;

    public long Unwrap(uint value, int bits)
    {
        long number = _newest == 0 ? FirstCycle + value
            : bits == _bits ? Nearest(_newest, value + _distance, bits)
            : Nearest(_newest, value, Math.Min(bits, _bits));
        if (number > _newest)
        {
            _distance = bits == _bits ? _distance : number - value;
            _bits = bits;
            _newest = number;
        }

        return number;
    }

    /// <summary>Of the numbers that end in these bits, the nearest to <paramref name="reference"/>.</summary>
    private static long Nearest(long reference, long value, int bits)
    {
        int unused = 64 - bits;
        return reference + ((value - reference) << unused >> unused);
    }
}
