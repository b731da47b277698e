namespace V100.Sfu.Rtp;

/// <summary>
/// Turns the wire's sequence numbers into <see cref="ExtendedSequence"/>s: each is read as the one nearest to the newest so far.
/// A mutable struct: hold it in a field, not in a readonly one.
/// </summary>
public struct SequenceUnwrapper
{
    // The first number starts one circle up, so that packets before it do not become negative.
    private const long FirstCycle = 0x1_0000;

    private long _newest;

    public readonly bool HasStarted => _newest != 0;

    /// <summary>The newest number so far; meaningful once <see cref="HasStarted"/>.</summary>
    public readonly ExtendedSequence Newest => new(_newest);

    /// <summary>Extends a number and takes it as the newest if it is.</summary>
    public ExtendedSequence Unwrap(SequenceNumber sequence)
    {
        ExtendedSequence extended = Peek(sequence);
        _newest = Math.Max(_newest, extended.Value);
        return extended;
    }

    /// <summary>Extends a number and changes nothing.</summary>
    public readonly ExtendedSequence Peek(SequenceNumber sequence) => HasStarted
        ? new(_newest + sequence.DistanceFrom(Newest.Wire))
        : new(FirstCycle + sequence.Value);
}
