namespace V100.Sfu.Forwarding;

/// <summary>Why the packets of a published track go to nobody.</summary>
[Flags]
public enum TrackHold
{
    None = 0,

    /// <summary>An administrator has muted it.</summary>
    Muted = 1,

    /// <summary>Its participant may no longer publish it.</summary>
    Withdrawn = 2,
}
