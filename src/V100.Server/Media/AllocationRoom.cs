using V100.Net.Sockets;

namespace V100.Server.Media;

/// <summary>How many TURN allocations the process has descriptors for: each has a socket, and the control API must still be reached when all are there.</summary>
/// <param name="Limit">Descriptors that the process may have.</param>
/// <param name="Kept">Those of them that are no relay socket's: what is open at the start, and room for HTTP and for connections of clients.</param>
internal readonly record struct AllocationRoom(long Limit, int Kept)
{
    private const int MaxReserve = 256;
    private const int ReserveShare = 4;

    /// <summary>Raises the limit as far as it goes. After the workers' sockets were opened.</summary>
    public static AllocationRoom Make()
    {
        long limit = DescriptorLimit.Raise();
        return new AllocationRoom(limit, DescriptorLimit.InUse + (int)Math.Min(MaxReserve, limit / ReserveShare));
    }

    /// <summary>Of clients over UDP; others take a descriptor more for their connection.</summary>
    public int Allocations => (int)Math.Clamp(Limit - Kept, 1, int.MaxValue);
}
