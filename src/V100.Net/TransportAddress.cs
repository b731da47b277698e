using System.Buffers.Binary;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.CompilerServices;

namespace V100.Net;

/// <summary>
/// An IP address, a port and a transport protocol (RFC 8445, 4), 24 bytes, compared as integers. There is one form for each address: IPv4 is always
/// held as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so that a dual-stack socket's view and a parsed text are equal.
/// <c>default</c> means "no address".
/// </summary>
/// <remarks>
/// Over UDP the address says everything. A client over TCP, TLS or DTLS is reached through one connection, whose number is
/// part of its address: a connection that comes later from the same port is another address.
/// </remarks>
public readonly struct TransportAddress : IEquatable<TransportAddress>
{
    private const ulong MappedPrefix = 0xFFFF_0000_0000;

    private readonly ulong _high;
    private readonly ulong _low;
    private readonly uint _scopeOrConnection;
    private readonly ushort _port;
    private readonly TransportProtocol _protocol;

    private TransportAddress(ulong high, ulong low, ushort port, uint scopeOrConnection, TransportProtocol protocol = TransportProtocol.Udp)
    {
        _high = high;
        _low = low;
        _scopeOrConnection = scopeOrConnection;
        _port = port;
        _protocol = protocol;
    }

    /// <param name="address">The IPv4 address in host order: 127.0.0.1 is 0x7F000001.</param>
    /// <param name="port">In host order.</param>
    public static TransportAddress FromIPv4(uint address, ushort port) => new(0, MappedPrefix | address, port, 0);

    /// <param name="address">16 bytes in network order; an IPv4-mapped one gives an IPv4 address.</param>
    /// <param name="port">In host order.</param>
    /// <param name="scope">Interface index of a link-local address; not kept for others, which it does not distinguish.</param>
    public static TransportAddress FromIPv6(ReadOnlySpan<byte> address, ushort port, uint scope = 0)
    {
        ulong high = BinaryPrimitives.ReadUInt64BigEndian(address);
        ulong low = BinaryPrimitives.ReadUInt64BigEndian(address[8..]);
        bool linkLocal = high >> 54 == 0xFE80 >> 6;
        return new TransportAddress(high, low, port, linkLocal ? scope : 0);
    }

    public static TransportAddress From(IPEndPoint endPoint) => From(endPoint.Address, (ushort)endPoint.Port);

    /// <summary>All of them with the same port.</summary>
    public static TransportAddress[] From(IEnumerable<IPAddress> addresses, ushort port)
    {
        List<TransportAddress> all = [];
        foreach (IPAddress address in addresses)
        {
            all.Add(From(address, port));
        }

        return [.. all];
    }

    public static TransportAddress From(IPAddress address, ushort port)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return length == 4
            ? FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(bytes), port)
            : FromIPv6(bytes, port, (uint)address.ScopeId);
    }

    /// <summary>Reads <c>192.0.2.1:3478</c> or <c>[2001:db8::1]:3478</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out TransportAddress address)
    {
        bool parsed = IPEndPoint.TryParse(text ?? "", out IPEndPoint? endPoint);
        address = parsed ? From(endPoint!) : default;
        return parsed;
    }

    public ushort Port => _port;
    public TransportProtocol Protocol => _protocol;

    /// <summary>Interface index of a link-local address over UDP, else 0.</summary>
    public uint Scope => _protocol == TransportProtocol.Udp ? _scopeOrConnection : 0;

    /// <summary>The number of the connection that reaches this address; 0 over UDP.</summary>
    public uint Connection => _protocol == TransportProtocol.Udp ? 0 : _scopeOrConnection;

    public bool IsIPv4 => _high == 0 && _low >> 32 == MappedPrefix >> 32;

    /// <summary>The IPv4 address in host order. Meaningful only where <see cref="IsIPv4"/>.</summary>
    public uint IPv4 => (uint)_low;

    /// <summary>The address as a 128-bit number, IPv4 in its mapped form.</summary>
    public UInt128 Value => new(_high, _low);

    public bool IsUnspecified => (_high | _low) == 0 || _low == MappedPrefix && _high == 0;

    public TransportAddress WithPort(ushort port) => new(_high, _low, port, _scopeOrConnection, _protocol);

    /// <summary>The same address and port, reached through a connection.</summary>
    /// <param name="protocol">Not <see cref="TransportProtocol.Udp"/>.</param>
    /// <param name="connection">Its number, unique among the connections that are open.</param>
    public TransportAddress Over(TransportProtocol protocol, uint connection)
    {
        Debug.Assert(protocol != TransportProtocol.Udp);
        return new TransportAddress(_high, _low, _port, connection, protocol);
    }

    /// <summary>The same address and port over UDP: what a peer, a log line or a mapped address shows.</summary>
    public TransportAddress OverUdp() => _protocol == TransportProtocol.Udp ? this : new TransportAddress(_high, _low, _port, 0);

    /// <summary>Writes the 16 bytes of the IPv6 form (mapped for IPv4), in network order.</summary>
    public void WriteIPv6(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        WriteIPv6(bytes);
        return IsIPv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes, Scope);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Equals(TransportAddress other) =>
        ((_high ^ other._high) | (_low ^ other._low)
            | (uint)(_port ^ other._port) | (_scopeOrConnection ^ other._scopeOrConnection) | (uint)(_protocol ^ other._protocol)) == 0;

    public override bool Equals(object? obj) => obj is TransportAddress other && Equals(other);

    /// <summary>
    /// A multiplicative mix, cheap on the packet path, good in its low bits too. Tables keyed by remote addresses are
    /// bounded, since an attacker who spoofs sources can choose collisions.
    /// </summary>
    public override int GetHashCode()
    {
        ulong portAndConnection = _port | (ulong)_scopeOrConnection << 16;
        ulong mixed = (_low ^ (portAndConnection * 0xC2B2_AE3D_27D4_EB4F) ^ (_high * 0x9E37_79B9_7F4A_7C15)) * 0xD6E8_FEB8_6659_FD93;
        return (int)(mixed >> 32) ^ (int)mixed;
    }

    /// <summary><c>192.0.2.1:3478</c>; over another protocol than UDP with its name: <c>192.0.2.1:3478/tcp</c>.</summary>
    public override string ToString()
    {
        string endPoint = new IPEndPoint(ToIPAddress(), _port).ToString();
        return _protocol switch
        {
            TransportProtocol.Tcp => endPoint + "/tcp",
            TransportProtocol.Tls => endPoint + "/tls",
            TransportProtocol.Dtls => endPoint + "/dtls",
            _ => endPoint,
        };
    }

    public static bool operator ==(TransportAddress left, TransportAddress right) => left.Equals(right);
    public static bool operator !=(TransportAddress left, TransportAddress right) => !left.Equals(right);
}
