namespace V100.Sfu.Ice;

/// <summary>What became of a check: for counters, and to know whether it was valid.</summary>
public enum IceCheckResult : byte
{
    /// <summary>Valid: a success response is in the batch.</summary>
    Answered,

    /// <summary>No Binding request. An indication keeps a NAT open and has no answer (RFC 8445, 11).</summary>
    DroppedNotARequest,

    /// <summary>The fingerprint is there and wrong (RFC 8489, 7).</summary>
    DroppedBadFingerprint,

    /// <summary>400: USERNAME or integrity missing (RFC 8489, 9.1.3).</summary>
    RejectedIncomplete,

    /// <summary>401: the USERNAME does not name our fragment.</summary>
    RejectedUnknownUsername,

    /// <summary>401: the integrity is wrong.</summary>
    RejectedBadIntegrity,

    /// <summary>420: an attribute that must be comprehended is not (RFC 8489, 6.3.1).</summary>
    RejectedUnknownAttribute,

    /// <summary>487: the peer must change its role (RFC 8445, 7.3.1.1).</summary>
    RejectedRoleConflict,
}

/// <summary>What one check did.</summary>
/// <param name="Result">Anything but <see cref="IceCheckResult.Answered"/> changed nothing.</param>
/// <param name="NewPair">The check's addresses are a valid pair now and were not before.</param>
/// <param name="SelectedChanged">Media go elsewhere from now on: see <see cref="IceLiteAgent.TryGetSelected"/>.</param>
/// <param name="RestartCompleted">The credentials before the restart no longer count.</param>
public readonly record struct IceCheckOutcome(
    IceCheckResult Result, bool NewPair = false, bool SelectedChanged = false, bool RestartCompleted = false)
{
    public bool IsValid => Result == IceCheckResult.Answered;
}

/// <summary>Who nominates (RFC 8445, 6.1.1).</summary>
public enum IceRole : byte
{
    Controlled,
    Controlling,
}
