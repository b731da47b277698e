using System.Buffers.Binary;
using V100.Net.Native;

namespace V100.Net.Sockets;

/// <summary>
/// A Linux UDP socket, received in batches (recvmmsg, UDP_GRO) and sent in batches (sendmmsg, UDP_SEGMENT). Sockets of the same
/// port on several workers share it by SO_REUSEPORT: the kernel's hash of a flow keeps it on one of them.
/// </summary>
/// <remarks>
/// Bound to all addresses it learns from each packet to which address it came, and names the source of each that it sends
/// (IPV6_PKTINFO, which carries IPv4 addresses in their mapped form; IP_PKTINFO where IPv6 is off).
/// </remarks>
internal sealed unsafe partial class UdpSocketLinux : UdpSocket
{
    // A process without the right is told so once, not at every relayed address.
    private static volatile bool s_mayForce = true;

    private UdpAreaLinux _area;
    private readonly bool _familyV6;
    private readonly bool _anyAddress;
    private TransportAddress _bound;
    private bool _reportsErrors;

    private UdpSocketLinux(in TransportAddress address, bool isShared, UdpAreaLinux area, CounterBlock<SocketCounter> counters)
    {
        _area = area;
        _counters = counters;
        _isShared = isShared;
        _familyV6 = !address.IsIPv4;
        _anyAddress = address.IsUnspecified;
        Descriptor = Libc.Socket(_familyV6 ? Libc.FamilyV6 : Libc.FamilyV4, Libc.TypeDatagram | Libc.NonBlocking | Libc.CloseOnExec, 0);
    }

    /// <exception cref="IOException">The address cannot be bound; the message says why.</exception>
    public static UdpSocketLinux Open(in TransportAddress address, UdpOptions options, UdpAreaLinux area, CounterBlock<SocketCounter> counters) =>
        TryOpen(address, options, area, counters) ?? throw Libc.Failure($"cannot bind UDP {address}");

    /// <summary>Null where the system refuses, because the port is taken, say; <see cref="Libc.LastError"/> has the reason.</summary>
    public static UdpSocketLinux? TryOpen(in TransportAddress address, UdpOptions options, UdpAreaLinux area, CounterBlock<SocketCounter> counters)
    {
        var socket = new UdpSocketLinux(address, options.Shared, area, counters);
        if (socket.Descriptor >= 0 && socket.TryConfigure(options) && socket.TryBind(address))
        {
            socket.EnlargeBuffer(Libc.ReceiveBufferForce, Libc.ReceiveBuffer, options.BufferBytes);
            socket.EnlargeBuffer(Libc.SendBufferForce, Libc.SendBuffer, options.BufferBytes);
            return socket;
        }

        int reason = Libc.LastError;
        socket.Dispose();
        Libc.LastError = reason;
        return null;
    }

    /// <summary>To another worker. Only while no poller and no set has it.</summary>
    public void MoveTo(UdpAreaLinux area, CounterBlock<SocketCounter> counters)
    {
        _area = area;
        _counters = counters;
    }

    public int Descriptor { get; private set; }

    /// <summary>The poller's number for it.</summary>
    public int PollToken { get; set; }

    public override TransportAddress Bound => _bound;

    public override int ReceiveBufferBytes => Libc.TryGetOption(Descriptor, Libc.LevelSocket, Libc.ReceiveBuffer, out int bytes) ? bytes : 0;

    public override int SendBufferBytes => Libc.TryGetOption(Descriptor, Libc.LevelSocket, Libc.SendBuffer, out int bytes) ? bytes : 0;

    /// <summary>False where the system has IPv6 off altogether.</summary>
    public static bool HasIPv6
    {
        get
        {
            int descriptor = Libc.Socket(Libc.FamilyV6, Libc.TypeDatagram | Libc.CloseOnExec, 0);
            if (descriptor < 0)
            {
                return false;
            }

            Libc.SocketAddress any = new() { Family = Libc.FamilyV6 };
            bool binds = Libc.Bind(descriptor, &any, Libc.SocketAddress.LengthV6) == 0;
            _ = Libc.Close(descriptor);
            return binds;
        }
    }

    private bool TryConfigure(UdpOptions options)
    {
        bool able = !options.Shared || TrySet(Libc.LevelSocket, Libc.ReusePort, 1);
        if (_familyV6)
        {
            able = able && TrySet(Libc.LevelIPv6, Libc.OnlyV6, _anyAddress ? 0 : 1);
            TrySet(Libc.LevelIPv6, Libc.MtuDiscoverV6, Libc.MtuDiscoverOmit);
        }

        // On an IPv6 socket too: it sends to IPv4 addresses.
        TrySet(Libc.LevelIPv4, Libc.MtuDiscoverV4, Libc.MtuDiscoverOmit);
        if (_anyAddress && options.Shared)
        {
            // To learn to which address a packet came.
            able = able && (_familyV6 ? TrySet(Libc.LevelIPv6, Libc.ReceivePacketInformationV6, 1) : TrySet(Libc.LevelIPv4, Libc.PacketInformationV4, 1));
        }

        if (options.Coalescing)
        {
            TrySet(Libc.LevelUdp, Libc.UdpCoalesce, 1);
        }

        if (options.ReportsFields)
        {
            ReportFields();
        }

        _reportsErrors = options.ReportsErrors
            && (_familyV6 ? TrySet(Libc.LevelIPv6, Libc.ReceiveErrorsV6, 1) : TrySet(Libc.LevelIPv4, Libc.ReceiveErrorsV4, 1));
        return able;
    }

    private void ReportFields()
    {
        if (_familyV6)
        {
            TrySet(Libc.LevelIPv6, Libc.ReceiveTrafficClassV6, 1);
            TrySet(Libc.LevelIPv6, Libc.ReceiveHopLimitV6, 1);
        }

        // On an IPv6 socket for all addresses too: what comes over IPv4 says it in the way of IPv4.
        if (!_familyV6 || _anyAddress)
        {
            TrySet(Libc.LevelIPv4, Libc.ReceiveTrafficClassV4, 1);
            TrySet(Libc.LevelIPv4, Libc.ReceiveHopLimitV4, 1);
        }
    }

    private bool TrySet(int level, int option, int value) => Libc.TrySetOption(Descriptor, level, option, value);

    private bool TryBind(in TransportAddress address)
    {
        Libc.SocketAddress name;
        uint length = WriteName(&name, address);
        if (Libc.Bind(Descriptor, &name, length) != 0)
        {
            return false;
        }

        // Only of a port that it chose itself the system has more to say.
        _bound = address;
        length = Libc.SocketAddress.LengthV6;
        if (address.Port != 0)
        {
            return true;
        }

        if (Libc.GetSocketName(Descriptor, &name, &length) != 0)
        {
            return false;
        }

        _bound = ReadName(&name);
        return true;
    }

    /// <summary>As large as the system allows: beyond its limit where this process may, else up to it.</summary>
    private void EnlargeBuffer(int force, int plain, int bytes)
    {
        if (!s_mayForce || !Libc.TrySetOption(Descriptor, Libc.LevelSocket, force, bytes))
        {
            s_mayForce = false;
            Libc.TrySetOption(Descriptor, Libc.LevelSocket, plain, bytes);
        }
    }

    private uint WriteName(Libc.SocketAddress* name, in TransportAddress address)
    {
        name->PortBigEndian = BinaryPrimitives.ReverseEndianness(address.Port);
        if (!_familyV6)
        {
            name->Family = Libc.FamilyV4;
            name->AddressV4BigEndian = BinaryPrimitives.ReverseEndianness(address.IPv4);
            return Libc.SocketAddress.LengthV4;
        }

        name->Family = Libc.FamilyV6;
        name->FlowInformation = 0;
        address.WriteIPv6(name->AddressV6);
        name->Scope = address.Scope;
        return Libc.SocketAddress.LengthV6;
    }

    private static TransportAddress ReadName(Libc.SocketAddress* name)
    {
        ushort port = BinaryPrimitives.ReverseEndianness(name->PortBigEndian);
        return name->Family == Libc.FamilyV4
            ? TransportAddress.FromIPv4(BinaryPrimitives.ReverseEndianness(name->AddressV4BigEndian), port)
            : TransportAddress.FromIPv6(name->AddressV6, port, name->Scope);
    }

    public override void Dispose()
    {
        if (Descriptor >= 0)
        {
            _ = Libc.Close(Descriptor);
            Descriptor = -1;
        }
    }
}
