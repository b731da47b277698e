namespace V100.Net.Crypto;

/// <summary>Where an association stands; <see cref="Closed"/> and <see cref="Failed"/> are final.</summary>
public enum DtlsState
{
    Handshaking,
    Established,

    /// <summary>One side said goodbye (close_notify).</summary>
    Closed,

    /// <summary>See <see cref="DtlsAssociation.FailureReason"/>.</summary>
    Failed,
}
