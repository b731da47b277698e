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
    private readonly UdpAreaLinux _area;
    private readonly bool _familyV6;
    private readonly bool _anyAddress;

    public UdpSocketLinux(in TransportAddress address, UdpOptions options, UdpAreaLinux area, CounterBlock<SocketCounter> counters)
    {
        _area = area;
        _counters = counters;
        _familyV6 = !address.IsIPv4;
        _anyAddress = address.IsUnspecified;
        int family = _familyV6 ? Libc.FamilyV6 : Libc.FamilyV4;
        Descriptor = Libc.Socket(family, Libc.TypeDatagram | Libc.NonBlocking | Libc.CloseOnExec, 0);
        if (Descriptor < 0)
        {
            throw Libc.Failure($"cannot open a UDP socket for {address}");
        }

        try
        {
            Configure(options);
            Bound = Bind(address);
        }
        catch
        {
            Dispose();
            throw;
        }

        ReceiveBufferBytes = EnlargeBuffer(Libc.ReceiveBufferForce, Libc.ReceiveBuffer, options.BufferBytes);
        SendBufferBytes = EnlargeBuffer(Libc.SendBufferForce, Libc.SendBuffer, options.BufferBytes);
    }

    public int Descriptor { get; private set; }

    /// <summary>The poller's number for it.</summary>
    public int PollToken { get; set; }

    public override TransportAddress Bound { get; }

    public override int ReceiveBufferBytes { get; }

    public override int SendBufferBytes { get; }

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

    private void Configure(UdpOptions options)
    {
        Require(Libc.LevelSocket, Libc.ReusePort, 1, "share the port (SO_REUSEPORT)");
        if (_familyV6)
        {
            Require(Libc.LevelIPv6, Libc.OnlyV6, _anyAddress ? 0 : 1, "serve both families (IPV6_V6ONLY)");
            Libc.TrySetOption(Descriptor, Libc.LevelIPv6, Libc.MtuDiscoverV6, Libc.MtuDiscoverOmit);
        }

        // On an IPv6 socket too: it sends to IPv4 addresses.
        Libc.TrySetOption(Descriptor, Libc.LevelIPv4, Libc.MtuDiscoverV4, Libc.MtuDiscoverOmit);
        if (_anyAddress && _familyV6)
        {
            Require(Libc.LevelIPv6, Libc.ReceivePacketInformationV6, 1, "learn the local address (IPV6_RECVPKTINFO)");
        }
        else if (_anyAddress)
        {
            Require(Libc.LevelIPv4, Libc.PacketInformationV4, 1, "learn the local address (IP_PKTINFO)");
        }

        if (options.Coalescing)
        {
            Libc.TrySetOption(Descriptor, Libc.LevelUdp, Libc.UdpCoalesce, 1);
        }
    }

    private void Require(int level, int option, int value, string purpose)
    {
        if (!Libc.TrySetOption(Descriptor, level, option, value))
        {
            throw Libc.Failure($"a UDP socket cannot {purpose}");
        }
    }

    private TransportAddress Bind(in TransportAddress address)
    {
        Libc.SocketAddress name;
        uint length = WriteName(&name, address);
        if (Libc.Bind(Descriptor, &name, length) != 0)
        {
            throw Libc.Failure($"cannot bind UDP {address}");
        }

        length = Libc.SocketAddress.LengthV6;
        if (Libc.GetSocketName(Descriptor, &name, &length) != 0)
        {
            throw Libc.Failure($"cannot read the port of UDP {address}");
        }

        return ReadName(&name);
    }

    /// <summary>As large as the system allows: beyond its limit where this process may, else up to it.</summary>
    private int EnlargeBuffer(int force, int plain, int bytes)
    {
        if (!Libc.TrySetOption(Descriptor, Libc.LevelSocket, force, bytes))
        {
            Libc.TrySetOption(Descriptor, Libc.LevelSocket, plain, bytes);
        }

        return Libc.TryGetOption(Descriptor, Libc.LevelSocket, plain, out int effective) ? effective : 0;
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
