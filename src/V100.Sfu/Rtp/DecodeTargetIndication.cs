namespace V100.Sfu.Rtp;

/// <summary>What one frame is to one decode target (RTP Payload Format For AV1, A.4.1).</summary>
public enum DecodeTargetIndication : byte
{
    /// <summary>Not part of it.</summary>
    NotPresent,

    /// <summary>Part of it, and no later frame of it refers to this one.</summary>
    Discardable,

    /// <summary>Where this frame can be decoded, so can all later ones of the target: who has this may begin with the target here.</summary>
    Switch,

    /// <summary>Part of it, and later frames may refer to it.</summary>
    Required,
}
