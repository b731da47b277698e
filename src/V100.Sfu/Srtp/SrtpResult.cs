namespace V100.Sfu.Srtp;

/// <summary>What became of a protected packet; all but <see cref="Ok"/> mean that it is to be dropped, and are counted apart.</summary>
public enum SrtpResult
{
    Ok,

    /// <summary>Shorter than its header and tag.</summary>
    TooShort,

    /// <summary>The tag is wrong: forged, damaged, or protected under another key.</summary>
    AuthenticationFailed,

    /// <summary>Accepted before, or so old that this cannot be known.</summary>
    Replayed,

    /// <summary>SRTCP that says it is not encrypted; RFC 8827 section 6.5 wants it to be.</summary>
    NotEncrypted,

    /// <summary>Authentic, but of a source beyond the bound. The bound's sources stay: to forget one would admit its replays.</summary>
    TooManySources,

    /// <summary>The destination is shorter than the packet without its protection.</summary>
    DestinationTooSmall,
}
