namespace V100.Sfu.Sdp;

/// <summary>
/// The bounds of what is read from a peer. Beyond a bound the description is refused with an error that names the line.
/// </summary>
public static class SdpLimits
{
    /// <summary>In UTF-16 code units of the whole text.</summary>
    public const int MaxLength = 64 * 1024;

    public const int MaxLines = 4096;
    public const int MaxSections = 32;
    public const int MaxFormatsPerSection = 128;
    public const int MaxAttributesPerSection = 1024;
    public const int MaxHeaderExtensionsPerSection = 64;
    public const int MaxSsrcsPerSection = 64;
    public const int MaxRidsPerSection = 16;

    /// <summary>Simulcast encodings that are received of one track; libwebrtc sends three at most. Further ones are left out of the answer.</summary>
    public const int MaxEncodingsPerSection = 4;
    public const int MaxGroups = 32;

    /// <summary>A mid travels in an RTP header extension, whose one-byte form holds 16 bytes; the two-byte form, 255.</summary>
    public const int MaxMidLength = 64;

    public const int MaxCandidatesPerFragment = 64;
}
