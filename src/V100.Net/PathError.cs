namespace V100.Net;

/// <summary>An ICMP error that came back for a packet that a socket sent (RFC 792, RFC 4443).</summary>
/// <param name="Remote">Where that packet was to go.</param>
/// <param name="Type">The ICMP type.</param>
/// <param name="Code">Its code.</param>
/// <param name="Data">What the type gives beside it: the next hop's MTU of "too big", else 0.</param>
public readonly record struct PathError(TransportAddress Remote, byte Type, byte Code, uint Data);
