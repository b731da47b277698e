using System.Numerics;

namespace V100.Sfu.Rtp;

/// <summary>
/// Gives each picture of one subscription its output number: what <see cref="SequenceRewriter"/> is to packets. Pictures that the SFU leaves
/// out close their gap, pictures that the network lost keep it, and every packet of a picture, however late, gets the picture's own number.
/// </summary>
/// <remarks>Numbers here have no wraps; who writes them takes the low bits. Pictures more than <see cref="WindowLength"/> back have none.</remarks>
internal sealed class PictureMap
{
    /// <summary>How far back a picture may still be asked for: 8 s at 60 pictures a second.</summary>
    public const int WindowLength = 512;

    private const int WordCount = WindowLength / 64;

    // One bit for each of the newest source pictures: was it left out?
    private readonly ulong[] _closed = new ulong[WordCount];
    private NumberUnwrapper _ids;
    private long _first;
    private long _newest;

    // Output = source − offset for the newest picture; an older one adds what was closed since.
    private long _offset;
    private bool _hasSource;

    /// <summary>The next picture is the first of another source.</summary>
    public bool AwaitsFirst { get; private set; } = true;

    /// <summary>Makes the picture that comes next the one with the next output number; of the very first source numbers stay what they are.</summary>
    public void Switch() => AwaitsFirst = true;

    /// <summary>The picture that an id means: the one nearest to the newest of the source.</summary>
    public long Unwrap(uint id, int bits)
    {
        long picture = _ids.Unwrap(id, bits);
        if (AwaitsFirst || _newest - picture >= WindowLength)
        {
            // Nothing is that late: if it is not the first, the encoder began anew with other numbers.
            AwaitsFirst = false;
            _ids = default;
            picture = _ids.Unwrap(id, bits);
            Begin(picture);
        }

        return picture;
    }

    public bool TryMap(long source, out long output)
    {
        output = 0;
        if (source > _newest)
        {
            Advance(source);
        }

        if (source < _first || _newest - source >= WindowLength)
        {
            return false;
        }

        output = source - _offset + CountClosedAfter(source);
        return true;
    }

    /// <summary>Leaves a picture out. One that is older than the newest has its number, and the gap stays.</summary>
    public void Drop(long source)
    {
        if (source > _newest)
        {
            Advance(source);
            _closed[WordOf(source)] |= 1UL << (int)(source & 63);
            _offset++;
        }
    }

    private void Begin(long first)
    {
        long next = _hasSource ? _newest + 1 - _offset : first;
        _first = first;
        _newest = first - 1;
        _offset = first - next;
        _closed.AsSpan().Clear();
        _hasSource = true;
    }

    private void Advance(long source)
    {
        if (source - _newest >= WindowLength)
        {
            _closed.AsSpan().Clear();
        }
        else
        {
            for (long skipped = _newest + 1; skipped <= source; skipped++)
            {
                _closed[WordOf(skipped)] &= ~(1UL << (int)(skipped & 63));
            }
        }

        _newest = source;
    }

    private int CountClosedAfter(long source)
    {
        int count = 0;
        for (long position = source + 1; position <= _newest;)
        {
            // The bits of this word from the position to the word's end, or to the newest.
            int bit = (int)(position & 63);
            int bits = (int)Math.Min(64 - bit, _newest - position + 1);
            count += BitOperations.PopCount(_closed[WordOf(position)] >> bit << (64 - bits));
            position += bits;
        }

        return count;
    }

    private static int WordOf(long picture) => (int)(picture >> 6) & (WordCount - 1);
}
