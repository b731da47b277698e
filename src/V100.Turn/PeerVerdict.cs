namespace V100.Turn;

/// <summary>What <see cref="PeerPolicy"/> says of a peer.</summary>
public enum PeerVerdict : byte
{
    /// <summary>Nothing speaks against it.</summary>
    Allowed,

    /// <summary>An address of this server: the port decides. Only an answer about an address without its port.</summary>
    AllowedByPort,

    /// <summary>This server's own media: to be handed over in the process.</summary>
    OwnMedia,

    // From here on: denied, and why.
    DeniedUnspecified,
    DeniedLoopback,
    DeniedPrivate,
    DeniedSharedAddressSpace,
    DeniedLinkLocal,
    DeniedUniqueLocal,
    DeniedMulticast,
    DeniedReserved,

    /// <summary>An address of this server, and neither its media nor a relayed address.</summary>
    DeniedOwnAddress,

    /// <summary>By the operator's list.</summary>
    DeniedByRule,
}

public static class PeerVerdicts
{
    public static bool IsDenied(this PeerVerdict verdict) => verdict >= PeerVerdict.DeniedUnspecified;
}
