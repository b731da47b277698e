namespace V100.Sfu.Rtp;

/// <summary>
/// Turns numbers of a few bits that wrap (picture ids, frame numbers, timestamps) into ones that do not: each is read as the one nearest to
/// the newest so far. A mutable struct: hold it in a field, not in a readonly one.
/// </summary>
internal struct NumberUnwrapper
{
    // The first number starts this far up, so that what is older does not become negative.
    private const long FirstCycle = 1L << 40;

    private long _newest;

    public long Unwrap(uint value, int bits)
    {
        long number = _newest == 0 ? FirstCycle + value : Nearest(_newest, value, bits);
        _newest = Math.Max(_newest, number);
        return number;
    }

    /// <summary>Of the numbers that end in these bits, the nearest to <paramref name="reference"/>.</summary>
    public static long Nearest(long reference, uint value, int bits)
    {
        int unused = 64 - bits;
        return reference + ((value - reference) << unused >> unused);
    }
}
