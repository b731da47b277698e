namespace V100.Sfu.Rtp;

/// <summary>A 16-bit sequence number as it stands on the wire. Order is circular: of two numbers the newer one is less than half a circle ahead.</summary>
public readonly record struct SequenceNumber(ushort Value)
{
    public SequenceNumber Next => new((ushort)(Value + 1));

    /// <summary>Steps from <paramref name="other"/> forward to this one, −32,768 to 32,767; negative when this one is older.</summary>
    public int DistanceFrom(SequenceNumber other) => (short)(ushort)(Value - other.Value);

    public bool IsNewerThan(SequenceNumber other) => DistanceFrom(other) > 0;

    public static SequenceNumber operator +(SequenceNumber sequence, int steps) => new((ushort)(sequence.Value + steps));

    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
