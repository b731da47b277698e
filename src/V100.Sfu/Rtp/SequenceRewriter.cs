using System.Diagnostics;
using System.Numerics;

namespace V100.Sfu.Rtp;

/// <summary>What becomes of the number of a packet that is not forwarded.</summary>
public enum SequenceDrop
{
    /// <summary>Its place is closed: the packets behind it move up by one.</summary>
    Closed,

    /// <summary>
    /// It came late, into a gap that was kept as loss and that later numbers already stand behind: send a packet of padding
    /// alone with the number given, or the subscriber asks for it in vain.
    /// </summary>
    FillSlot,

    /// <summary>Nothing to do: it is older than the window, before the source's first packet, or was handled before.</summary>
    Ignored,
}

/// <summary>
/// Gives each packet of one subscription its output sequence number. What the SFU drops leaves no gap; what the network lost
/// leaves its gap, so that the subscriber asks for it and a late packet finds its place. After a change of source the
/// numbers go on without a gap.
/// </summary>
/// <remarks>
/// Call <see cref="SwitchTo"/> with the first packet of each source (the very first <see cref="TryForward"/> does it by itself),
/// then <see cref="TryForward"/> or <see cref="Drop"/> once for every packet of that source, in the order of arrival.
/// No output number is ever given twice, not even to a duplicate: with the cipher's nonce made of it, it must not be.
/// The window has <see cref="WindowLength"/> source packets; later ones than that are refused.
/// Output numbers are the SRTP index: they begin where the constructor says and count wraps from 0.
/// </remarks>
public sealed class SequenceRewriter(SequenceNumber firstOutput)
{
    /// <summary>How far behind the newest packet one may come and still be placed: 2 s at 500 packets/s.</summary>
    public const int WindowLength = 1024;

    private const int WordCount = WindowLength / 64;

    // One bit for each of the newest source packets: was it handled, and was its place closed?
    private readonly ulong[] _handled = new ulong[WordCount];
    private readonly ulong[] _closed = new ulong[WordCount];
    private long _first;
    private long _newest = -1;

    // Output = source − offset for the newest packet; a late one adds what was closed since.
    private long _offset = -firstOutput.Value;

    public bool HasSource { get; private set; }

    /// <summary>The number that the next packet in order gets.</summary>
    public ExtendedSequence NextOutput => new(_newest + 1 - _offset);

    /// <summary>Makes <paramref name="firstSource"/> the next output number's packet, and refuses what is older in the new source.</summary>
    public void SwitchTo(ExtendedSequence firstSource)
    {
        long next = NextOutput.Value;
        _first = firstSource.Value;
        _newest = _first - 1;
        _offset = _first - next;
        _handled.AsSpan().Clear();
        _closed.AsSpan().Clear();
        HasSource = true;
        Debug.Assert(NextOutput.Value == next);
    }

    /// <summary>The output number of a packet that is forwarded; false when it must not be (see <see cref="SequenceDrop.Ignored"/>).</summary>
    public bool TryForward(ExtendedSequence source, out ExtendedSequence output)
    {
        if (!HasSource)
        {
            SwitchTo(source);
        }

        if (source.Value > _newest)
        {
            Advance(source.Value);
            output = new ExtendedSequence(source.Value - _offset);
            return true;
        }

        return TryPlaceLate(source.Value, out output);
    }

    /// <summary>Says that a packet is not forwarded.</summary>
    /// <param name="source">The packet.</param>
    /// <param name="output">With <see cref="SequenceDrop.FillSlot"/>, the number to fill.</param>
    public SequenceDrop Drop(ExtendedSequence source, out ExtendedSequence output)
    {
        output = default;
        if (!HasSource)
        {
            return SequenceDrop.Ignored;
        }

        if (source.Value > _newest)
        {
            Advance(source.Value);
            Set(_closed, source.Value);
            _offset++;
            return SequenceDrop.Closed;
        }

        return TryPlaceLate(source.Value, out output) ? SequenceDrop.FillSlot : SequenceDrop.Ignored;
    }

    private bool TryPlaceLate(long source, out ExtendedSequence output)
    {
        output = default;
        if (source < _first || _newest - source >= WindowLength || IsSet(_handled, source))
        {
            return false;
        }

        Set(_handled, source);
        output = new ExtendedSequence(source - (_offset - CountClosedAfter(source)));
        return true;
    }

    private void Advance(long source)
    {
        long steps = source - _newest;
        if (steps >= WindowLength)
        {
            _handled.AsSpan().Clear();
            _closed.AsSpan().Clear();
        }
        else
        {
            for (long skipped = _newest + 1; skipped <= source; skipped++)
            {
                Clear(_handled, skipped);
                Clear(_closed, skipped);
            }
        }

        _newest = source;
        Set(_handled, source);
    }

    private int CountClosedAfter(long source)
    {
        int count = 0;
        for (long position = source + 1; position <= _newest;)
        {
            // The bits of this word from the position to the word's end, or to the newest.
            int bit = (int)(position & 63);
            int bits = (int)Math.Min(64 - bit, _newest - position + 1);
            ulong mask = bits == 64 ? ulong.MaxValue : ((1UL << bits) - 1) << bit;
            count += BitOperations.PopCount(_closed[WordOf(position)] & mask);
            position += bits;
        }

        return count;
    }

    private static int WordOf(long sequence) => (int)(sequence >> 6) & (WordCount - 1);

    private static bool IsSet(ulong[] bits, long sequence) => (bits[WordOf(sequence)] >> (int)(sequence & 63) & 1) != 0;

    private static void Set(ulong[] bits, long sequence) => bits[WordOf(sequence)] |= 1UL << (int)(sequence & 63);

    private static void Clear(ulong[] bits, long sequence) => bits[WordOf(sequence)] &= ~(1UL << (int)(sequence & 63));
}
