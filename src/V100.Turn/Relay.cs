using V100.Net;

namespace V100.Turn;

/// <summary>A relayed transport address of an allocation: a socket and its port.</summary>
internal sealed class Relay(Allocation allocation, RelayId id, PortLease lease, in TransportAddress relayed)
{
    public readonly Allocation Allocation = allocation;
    public readonly RelayId Id = id;
    public readonly PortLease Lease = lease;

    /// <summary>As peers see it.</summary>
    public readonly TransportAddress Relayed = relayed;
}
