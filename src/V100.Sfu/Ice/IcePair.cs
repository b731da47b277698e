using V100.Net;

namespace V100.Sfu.Ice;

/// <summary>A valid pair: a peer's address from which an authenticated check came to an address of this machine.</summary>
public struct IcePair
{
    public TransportAddress Remote;
    public TransportAddress Local;

    /// <summary>When the last valid check came: consent to send lasts 30 s from then (RFC 7675, 5.1).</summary>
    public Instant LastCheck;

    /// <summary>When the last check with USE-CANDIDATE came; meaningful where <see cref="IsNominated"/>.</summary>
    public Instant LastNomination;

    /// <summary>PRIORITY of its last check, 0 without one.</summary>
    public uint Priority;

    public bool IsNominated;

    /// <summary>A check without USE-CANDIDATE came too: the peer nominates after a check, not with each check.</summary>
    public bool WasCheckedPlainly;

    /// <summary>Counts ICE restarts.</summary>
    internal int Generation;
}
