namespace V100.Sfu.Forwarding;

/// <summary>Names one published track for the life of the process.</summary>
public readonly record struct TrackId(long Value)
{
    public override string ToString() => $"TR_{Value:x8}";
}
