namespace V100.Sfu.Rtp;

/// <summary>
/// A number of a few bits that grows with a stream and whose pictures are never left out (TL0PICIDX, KEYIDX, frame numbers): from source to
/// source it goes on by one, within a source only its offset differs. A mutable struct.
/// </summary>
/// <param name="bits">Its width on the wire.</param>
internal struct ContinuedNumber(int bits)
{
    private readonly uint _mask = (1u << bits) - 1;
    private bool _hasSource;
    private bool _awaitsFirst = true;
    private uint _offset;
    private uint _newest;

    /// <summary>The next number is the first of another source.</summary>
    public void Switch() => _awaitsFirst = true;

    public uint Rewrite(uint source)
    {
        if (_awaitsFirst)
        {
            _awaitsFirst = false;
            _offset = _hasSource ? _newest + 1 - source : 0;
            _newest = source + _offset & _mask;
            _hasSource = true;
        }

        uint output = source + _offset & _mask;
        if ((output - _newest & _mask) <= _mask >> 1)
        {
            _newest = output;
        }

        return output;
    }
}
