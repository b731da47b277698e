namespace V100.Sfu.Bwe;

/// <summary>What the way delays change says of the path (draft-ietf-rmcat-gcc-02, 5.4).</summary>
public enum DelaySignal
{
    Normal = 0,

    /// <summary>A queue grows: more is sent than the path carries.</summary>
    Overuse = 1,

    /// <summary>A queue drains.</summary>
    Underuse = 2,
}
