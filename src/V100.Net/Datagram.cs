namespace V100.Net;

/// <summary>
/// One received packet: a view of the worker's receive buffer, valid only during the call that gets it. A machine
/// that keeps bytes copies or decrypts them into a <see cref="PacketBuffer"/>. <see cref="Bytes"/> may be overwritten
/// by the machine that consumes it.
/// </summary>
public readonly ref struct Datagram(Span<byte> bytes, scoped in TransportAddress remote, scoped in TransportAddress local, IpFields fields = default)
{
    public readonly Span<byte> Bytes = bytes;

    /// <summary>Where it came from.</summary>
    public readonly TransportAddress Remote = remote;

    /// <summary>The address of this machine that it was sent to: what an answer must come from.</summary>
    public readonly TransportAddress Local = local;

    /// <summary>Of its IP header, where the socket was opened to report them.</summary>
    public readonly IpFields Fields = fields;
}
