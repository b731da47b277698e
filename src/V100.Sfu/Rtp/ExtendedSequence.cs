namespace V100.Sfu.Rtp;

/// <summary>A sequence number without wraps: the wire's 16 bits with the count of wraps above them.</summary>
public readonly record struct ExtendedSequence(long Value) : IComparable<ExtendedSequence>
{
    /// <summary>The number as it stands on the wire.</summary>
    public SequenceNumber Wire => new((ushort)Value);

    public ExtendedSequence Next => new(Value + 1);

    public int CompareTo(ExtendedSequence other) => Value.CompareTo(other.Value);

    public static ExtendedSequence operator +(ExtendedSequence sequence, long steps) => new(sequence.Value + steps);
    public static ExtendedSequence operator -(ExtendedSequence sequence, long steps) => new(sequence.Value - steps);
    public static long operator -(ExtendedSequence left, ExtendedSequence right) => left.Value - right.Value;
    public static bool operator <(ExtendedSequence left, ExtendedSequence right) => left.Value < right.Value;
    public static bool operator >(ExtendedSequence left, ExtendedSequence right) => left.Value > right.Value;
    public static bool operator <=(ExtendedSequence left, ExtendedSequence right) => left.Value <= right.Value;
    public static bool operator >=(ExtendedSequence left, ExtendedSequence right) => left.Value >= right.Value;

    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
