using System.Net;

namespace V100.Net.Sockets;

internal enum UdpBackend
{
    /// <summary>The system's own where there is one, else <see cref="Portable"/>.</summary>
    Auto,

    /// <summary>recvmmsg, sendmmsg, UDP_GRO, UDP_SEGMENT, epoll.</summary>
    Linux,

    /// <summary>System.Net.Sockets.</summary>
    Portable,
}

/// <summary>Which sockets a worker opens.</summary>
internal sealed record UdpOptions
{
    public UdpBackend Backend { get; init; } = UdpBackend.Auto;

    /// <summary>0 lets the system choose; <see cref="UdpSocketSet.Port"/> says what it chose, for the other workers.</summary>
    public ushort Port { get; init; }

    /// <summary>One socket for each. Empty: all addresses, IPv4 and IPv6.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>
    /// Where all addresses are listened on, one socket more for each of these, if it can be had: a packet that leaves through it does not name its
    /// source, which takes the kernel 0.25 µs of 2.9. What comes to an address that is not here, or not yet this machine's, comes to the socket of all.
    /// </summary>
    public IReadOnlyList<IPAddress> OwnSockets { get; init; } = [];

    /// <summary>Several packets of one size to one address as one message (UDP_SEGMENT), where the system can.</summary>
    public bool Segmentation { get; init; } = true;

    /// <summary>
    /// Several packets of one flow received as one message (UDP_GRO), where the system can. It costs nothing measurable where
    /// many flows bring a packet each, and halves the cost of a receive where they bring runs.
    /// </summary>
    public bool Coalescing { get; init; } = true;

    /// <summary>See <see cref="GatherPause"/>. Where the system has no waits as short, none are made.</summary>
    public TimeSpan LongestGatherPause { get; init; } = TimeSpan.FromMicroseconds(100);

    /// <summary>See <see cref="GatherPause"/>.</summary>
    public int PollPacketsPerSecond { get; init; } = 80_000;

    /// <summary>
    /// Sockets of other workers bind the same port, and the system spreads the flows over them. Else the port is taken
    /// by one socket, and what comes to it names <see cref="UdpSocket.Bound"/> as its address here, also where that means all addresses.
    /// </summary>
    public bool Shared { get; init; } = true;

    /// <summary>ICMP errors of what was sent are kept, with whom they concern: see <see cref="UdpSocket.TryReadError"/>.</summary>
    public bool ReportsErrors { get; init; }

    /// <summary><see cref="Datagram.Fields"/> are read of each packet, where the system says them. They are sent without this too.</summary>
    public bool ReportsFields { get; init; }

    /// <summary>Asked of the system for each socket and direction; what it gave stands in <see cref="UdpSocket.ReceiveBufferBytes"/>.</summary>
    public int BufferBytes { get; init; } = 8 << 20;

    public UdpBackend EffectiveBackend => Backend switch
    {
        UdpBackend.Auto => OperatingSystem.IsLinux() && Environment.Is64BitProcess && BitConverter.IsLittleEndian
            ? UdpBackend.Linux
            : UdpBackend.Portable,
        _ => Backend,
    };
}
