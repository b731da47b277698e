using System.Runtime.CompilerServices;

namespace V100.Sfu.Srtp;

/// <summary>What a window says of an index before the packet is authenticated.</summary>
internal enum ReplayVerdict
{
    Fresh,
    Seen,

    /// <summary>So far behind the highest that nobody knows whether it was seen: to be refused.</summary>
    TooOld,
}

/// <summary>
/// The indices of the packets that were accepted from one source, as far as <see cref="Size"/> behind the highest (RFC
/// 3711 section 3.3.2): <see cref="Check"/> before the packet is authenticated, <see cref="Accept"/> after.
/// </summary>
internal struct ReplayWindow
{
    /// <summary>RFC 3711 asks for 64 at least; a retransmission at high rate comes later than that.</summary>
    public const int Size = 1024;

    private const int WordBits = 64;

    private Words _seen;

    public ReplayWindow()
    {
        Highest = -1;
    }

    /// <summary>The highest index that was accepted; −1 before the first.</summary>
    public long Highest { get; private set; }

    public readonly ReplayVerdict Check(long index)
    {
        if (index > Highest)
        {
            return ReplayVerdict.Fresh;
        }

        if (index < 0 || Highest - index >= Size)
        {
            return ReplayVerdict.TooOld;
        }

        return (_seen[WordOf(index)] & BitOf(index)) == 0 ? ReplayVerdict.Fresh : ReplayVerdict.Seen;
    }

    public void Accept(long index)
    {
        if (index > Highest)
        {
            Forget(index);
            Highest = index;
        }

        _seen[WordOf(index)] |= BitOf(index);
    }

    /// <summary>Clears the bits of the indices between the highest and the new one, which stood for those a window before.</summary>
    private void Forget(long next)
    {
        if (next - Highest >= Size)
        {
            ((Span<ulong>)_seen).Clear();
            return;
        }

        for (long index = Highest + 1; index <= next; index++)
        {
            _seen[WordOf(index)] &= ~BitOf(index);
        }
    }

    private static int WordOf(long index) => (int)(index & (Size - 1)) / WordBits;

    private static ulong BitOf(long index) => 1UL << (int)(index & (WordBits - 1));

    [InlineArray(Size / WordBits)]
    private struct Words
    {
        private ulong _word;
    }
}
