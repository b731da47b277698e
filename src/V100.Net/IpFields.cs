namespace V100.Net;

/// <summary>
/// What of a datagram's IP header matters to whoever passes its payload on: as it came, or as it shall leave. <c>default</c>, of what
/// came, is that the system does not say; of what leaves, the system's defaults.
/// </summary>
/// <param name="TrafficClass">TOS of IPv4, traffic class of IPv6: six bits of DSCP (RFC 2474), two of ECN (RFC 3168).</param>
/// <param name="HopLimit">TTL of IPv4, hop limit of IPv6, from 1; 0 where it is not known, or left to the system.</param>
public readonly record struct IpFields(byte TrafficClass, byte HopLimit)
{
    /// <summary>
    /// The fields of the packet that carries the payload on: DSCP and ECN the same, one hop less (RFC 8656, 14). False where no hop is left.
    /// </summary>
    public bool TryPassOn(out IpFields onward)
    {
        onward = new IpFields(TrafficClass, (byte)(HopLimit > 0 ? HopLimit - 1 : 0));
        return HopLimit != 1;
    }
}
