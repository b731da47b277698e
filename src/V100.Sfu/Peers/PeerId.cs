namespace V100.Sfu.Peers;

/// <summary>Names one transport of one client for the life of the process.</summary>
public readonly record struct PeerId(long Value)
{
    public override string ToString() => $"peer-{Value}";
}
