using System.Net;
using System.Net.Sockets;

namespace V100.Net.Sockets;

/// <summary>
/// A UDP socket by System.Net.Sockets, for systems without a backend of their own: one system call and some garbage for each packet.
/// </summary>
/// <remarks>
/// System.Net.Sockets has no means to name the source of a packet. Bound to all addresses, the source of an answer is what the
/// routing table chooses; where that matters, each address is configured and so has a socket of its own.
/// How the packets of one port spread over several workers is the system's affair: evenly on Linux, all to one elsewhere.
/// </remarks>
internal sealed class UdpSocketPortable : UdpSocket
{
    // Packets that one Receive hands out.
    private const int ReceiveBatch = 64;

    // A full send buffer is waited for at most this often in one batch, a millisecond each.
    private const int MaxWaits = 2;

    // Windows: an ICMP error of a packet sent must not fail the receives of all others.
    private const int WindowsNoConnectionReset = unchecked((int)0x9800000C);

    private CounterBlock<SocketCounter> _counters;
    // Pinned: what is passed on is sent from here.
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(65_536, pinned: true);
    private readonly EndPoint _anyRemote;
    private readonly bool _learnsLocal;
    private int _readable;

    public UdpSocketPortable(in TransportAddress address, UdpOptions options, CounterBlock<SocketCounter> counters)
    {
        _counters = counters;
        _learnsLocal = address.IsUnspecified && options.Shared;
        AddressFamily family = address.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        _anyRemote = new IPEndPoint(address.IsIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0);
        Socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            Configure(address, options);
            Socket.Bind(new IPEndPoint(address.IsIPv4 && address.IsUnspecified ? IPAddress.Any : address.ToIPAddress(), address.Port));
        }
        catch (SocketException exception)
        {
            Socket.Dispose();
            throw new IOException($"cannot bind UDP {address}: {exception.Message}", exception);
        }

        Bound = TransportAddress.From((IPEndPoint)Socket.LocalEndPoint!);
        ReceiveBufferBytes = Socket.ReceiveBufferSize;
        SendBufferBytes = Socket.SendBufferSize;
    }

    /// <summary>To another worker. Only while no poller and no set has it.</summary>
    public void MoveTo(CounterBlock<SocketCounter> counters) => _counters = counters;

    public Socket Socket { get; }

    public override TransportAddress Bound { get; }

    public override int ReceiveBufferBytes { get; }

    public override int SendBufferBytes { get; }

    private void Configure(in TransportAddress address, UdpOptions options)
    {
        Socket.Blocking = false;
        Socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, options.Shared);
        if (!address.IsIPv4)
        {
            Socket.DualMode = address.IsUnspecified;
        }

        if (_learnsLocal)
        {
            SocketOptionLevel level = address.IsIPv4 ? SocketOptionLevel.IP : SocketOptionLevel.IPv6;
            Socket.SetSocketOption(level, SocketOptionName.PacketInformation, true);
        }

        if (OperatingSystem.IsWindows())
        {
            Socket.IOControl(WindowsNoConnectionReset, [0, 0, 0, 0], null);
        }

        Socket.ReceiveBufferSize = options.BufferBytes;
        Socket.SendBufferSize = options.BufferBytes;
    }

    public override bool MayHaveMore => true;

    public override bool Receive()
    {
        _counters.Increment(SocketCounter.ReceiveCalls);
        _readable = Socket.Poll(0, SelectMode.SelectRead) ? ReceiveBatch : 0;
        return _readable > 0;
    }

    public override bool TryRead(out Datagram datagram)
    {
        // The first was announced by Receive; after it, asking is cheaper than an exception.
        while (_readable > 0 && (_readable == ReceiveBatch || Socket.Poll(0, SelectMode.SelectRead)))
        {
            _readable--;
            if (TryReceiveOne(out datagram))
            {
                return true;
            }
        }

        _readable = 0;
        datagram = default;
        return false;
    }

    private bool TryReceiveOne(out Datagram datagram)
    {
        try
        {
            EndPoint remote = _anyRemote;
            SocketFlags flags = SocketFlags.None;
            int length;
            TransportAddress local = Bound;
            if (_learnsLocal)
            {
                length = Socket.ReceiveMessageFrom(_buffer, ref flags, ref remote, out IPPacketInformation information);
                local = information.Address is null ? Bound : TransportAddress.From(information.Address, Bound.Port);
            }
            else
            {
                length = Socket.ReceiveFrom(_buffer, ref remote);
            }

            _counters.Increment(SocketCounter.DatagramsReceived);
            _counters.Add(SocketCounter.BytesReceived, length);
            datagram = new Datagram(_buffer.AsSpan(0, length), TransportAddress.From((IPEndPoint)remote), local);
            return true;
        }
        catch (SocketException exception)
        {
            _counters.Add(SocketCounter.ReceiveErrors, exception.SocketErrorCode == SocketError.WouldBlock ? 0 : 1);
            datagram = default;
            return false;
        }
    }

    public override void Send(TransmitBatch batch, ReadOnlySpan<int> indices)
    {
        int waits = 0;
        foreach (int index in indices)
        {
            ReadOnlySpan<byte> bytes = batch.GetPacket(index, out TransportAddress remote, out _);
            _counters.Increment(SocketCounter.SendCalls);
            SocketError error = TrySendOne(bytes, remote);
            if (error == SocketError.WouldBlock && waits++ < MaxWaits && Socket.Poll(1_000, SelectMode.SelectWrite))
            {
                error = TrySendOne(bytes, remote);
            }

            _counters.Increment(error == SocketError.Success ? SocketCounter.DatagramsSent : DropReason(error));
            _counters.Add(SocketCounter.BytesSent, error == SocketError.Success ? bytes.Length : 0);
        }
    }

    private SocketError TrySendOne(ReadOnlySpan<byte> bytes, in TransportAddress remote)
    {
        try
        {
            IPAddress address = remote.ToIPAddress();
            bool map = remote.IsIPv4 && Socket.AddressFamily == AddressFamily.InterNetworkV6;
            Socket.SendTo(bytes, SocketFlags.None, new IPEndPoint(map ? address.MapToIPv6() : address, remote.Port));
            return SocketError.Success;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode;
        }
    }

    private static SocketCounter DropReason(SocketError error) => error switch
    {
        SocketError.WouldBlock => SocketCounter.DroppedWouldBlock,
        SocketError.NoBufferSpaceAvailable => SocketCounter.DroppedNoBuffers,
        SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.NetworkDown or SocketError.HostDown
            => SocketCounter.DroppedUnreachable,
        SocketError.ConnectionRefused or SocketError.ConnectionReset => SocketCounter.DroppedRefused,
        SocketError.AccessDenied => SocketCounter.DroppedNotPermitted,
        SocketError.MessageSize => SocketCounter.DroppedTooLong,
        SocketError.AddressNotAvailable => SocketCounter.DroppedNoSource,
        _ => SocketCounter.DroppedOther,
    };

    public override void Dispose() => Socket.Dispose();
}
