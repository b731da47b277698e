using V100.Net;

namespace V100.Turn;

/// <summary>What runs between a relayed address and its peers (REQUESTED-TRANSPORT; RFC 8656, 18.8 and RFC 6062, 4.1).</summary>
public enum RelayTransport : byte
{
    Udp,

    /// <summary>A listener on the relayed address, which connections to peers also start from.</summary>
    Tcp,
}

/// <summary>
/// One relay socket of one shard. <see cref="Slot"/> counts from 0 without large gaps and is used again after a close, so that a
/// driver's table is an array; the whole value is not used again for long, so that what was read before a close finds nobody.
/// </summary>
public readonly record struct RelayId(uint Value)
{
    internal const int SlotBits = 20;

    public int Slot => (int)(Value & ((1 << SlotBits) - 1));
}

/// <summary>
/// The relay sockets of one shard, as its driver has them. All calls come from the shard's thread, in the middle of one of its
/// methods: an implementation must not call back.
/// </summary>
public interface IRelaySockets
{
    /// <summary>Whether a datagram can be sent with the DF bit; if not, DONT-FRAGMENT counts as unknown (RFC 8656, 7.2).</summary>
    bool SupportsDontFragment { get; }

    /// <summary>
    /// Binds a UDP socket, or a TCP listener, to an address. False when the system has the port in use or gives no socket: the shard
    /// then tries other ports, a bounded number of times.
    /// </summary>
    /// <param name="relay">Its number from now on.</param>
    /// <param name="local">Address and port to bind.</param>
    /// <param name="transport">What to open.</param>
    bool TryOpen(RelayId relay, in TransportAddress local, RelayTransport transport);

    /// <summary>
    /// Binds a UDP socket to an address for an allocation to come, so that nobody else on this machine gets the port. It is read and sent
    /// from only after <see cref="TryAdopt"/>, perhaps by another shard; until then disposing it closes it. Null when the system refuses.
    /// </summary>
    IDisposable? TryHold(in TransportAddress local);

    /// <summary>Makes what <see cref="TryHold"/> gave, to this shard or another of the same server, a relay socket of this one.</summary>
    /// <param name="relay">Its number from now on.</param>
    /// <param name="held">Belongs to the driver from now on; closed where the system refuses, and the answer is false.</param>
    bool TryAdopt(RelayId relay, IDisposable held);

    /// <summary>Closes it at once; the port may be opened again in the next call. Connections of a TCP relay are closed by outputs of their own.</summary>
    void Close(RelayId relay);
}
