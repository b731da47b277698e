using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using V100.Net;

namespace V100.Server.Connections;

/// <summary>What stands at the front of a connection from a trusted proxy.</summary>
internal enum ProxyHeaderKind
{
    /// <summary>Its header is not whole yet.</summary>
    Incomplete,

    /// <summary>A client, whose address it names.</summary>
    Proxied,

    /// <summary>The proxy itself, or a client whose address it does not know: the connection's own addresses hold.</summary>
    Local,

    /// <summary>No such header.</summary>
    Bad,
}

/// <summary>
/// The PROXY protocol, versions 1 and 2, as HAProxy specifies it ("The PROXY protocol", 2.1 and 2.2): the client's address in front of its stream.
/// </summary>
internal static class ProxyHeader
{
    /// <summary>The longest header that is waited for: extensions are read over, within reason.</summary>
    public const int MaxLength = 2048;

    // 2.1: the longest line, with CRLF.
    private const int MaxLineLength = 107;
    private const int BinaryHeaderLength = 16;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;
    private static ReadOnlySpan<byte> LineStart => "PROXY "u8;

    /// <param name="stream">The first bytes that came.</param>
    /// <param name="length">Bytes of the header, where it is whole and good.</param>
    /// <param name="source">The client, where it is <see cref="ProxyHeaderKind.Proxied"/>.</param>
    public static ProxyHeaderKind Read(ReadOnlySpan<byte> stream, out int length, out TransportAddress source)
    {
        length = 0;
        source = default;
        if (StartsWith(stream, Signature))
        {
            return stream.Length < BinaryHeaderLength ? ProxyHeaderKind.Incomplete : ReadBinary(stream, out length, out source);
        }

        return StartsWith(stream, LineStart) ? ReadLine(stream, out length, out source) : ProxyHeaderKind.Bad;
    }

    private static bool StartsWith(ReadOnlySpan<byte> stream, ReadOnlySpan<byte> start)
    {
        int present = Math.Min(stream.Length, start.Length);
        return stream[..present].SequenceEqual(start[..present]);
    }

    private static ProxyHeaderKind ReadBinary(ReadOnlySpan<byte> stream, out int length, out TransportAddress source)
    {
        source = default;
        length = BinaryHeaderLength + BinaryPrimitives.ReadUInt16BigEndian(stream[14..]);
        (int version, int command) = (stream[12] >> 4, stream[12] & 15);
        if (version != 2 || command > 1 || length > MaxLength)
        {
            return ProxyHeaderKind.Bad;
        }

        if (stream.Length < length)
        {
            return ProxyHeaderKind.Incomplete;
        }

        ReadOnlySpan<byte> addresses = stream[BinaryHeaderLength..length];

        // 2.2: the addresses of LOCAL and of a family that is not known are to be ignored.
        if (command == 0 || stream[13] == 0)
        {
            return ProxyHeaderKind.Local;
        }

        switch (stream[13])
        {
            case 0x11 when addresses.Length >= 12:
                source = TransportAddress.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(addresses), BinaryPrimitives.ReadUInt16BigEndian(addresses[8..]));
                return ProxyHeaderKind.Proxied;
            case 0x21 when addresses.Length >= 36:
                source = TransportAddress.FromIPv6(addresses[..16], BinaryPrimitives.ReadUInt16BigEndian(addresses[32..]));
                return ProxyHeaderKind.Proxied;
            default:
                // Datagrams and Unix sockets bring nobody to this port.
                return ProxyHeaderKind.Bad;
        }
    }

    private static ProxyHeaderKind ReadLine(ReadOnlySpan<byte> stream, out int length, out TransportAddress source)
    {
        source = default;
        length = 0;
        ReadOnlySpan<byte> line = stream[..Math.Min(stream.Length, MaxLineLength)];
        int end = line.IndexOf("\r\n"u8);
        if (end < 0)
        {
            return line.Length == MaxLineLength ? ProxyHeaderKind.Bad : ProxyHeaderKind.Incomplete;
        }

        length = end + 2;
        string[] fields = Encoding.ASCII.GetString(line[..end]).Split(' ');

        // 2.1: whatever stands behind UNKNOWN is to be ignored.
        if (fields.Length >= 2 && fields[1] == "UNKNOWN")
        {
            return ProxyHeaderKind.Local;
        }

        AddressFamily family = fields.Length == 6 ? FamilyOf(fields[1]) : AddressFamily.Unknown;
        bool good = family != AddressFamily.Unknown && TryRead(fields[2], fields[4], family, out source) && TryRead(fields[3], fields[5], family, out _);
        return good ? ProxyHeaderKind.Proxied : ProxyHeaderKind.Bad;
    }

    private static AddressFamily FamilyOf(string name) => name switch
    {
        "TCP4" => AddressFamily.InterNetwork,
        "TCP6" => AddressFamily.InterNetworkV6,
        _ => AddressFamily.Unknown,
    };

    private static bool TryRead(string address, string port, AddressFamily family, out TransportAddress result)
    {
        bool read = IPAddress.TryParse(address, out IPAddress? parsed) & ushort.TryParse(port, System.Globalization.NumberStyles.None, null, out ushort number);
        bool good = read && parsed!.AddressFamily == family && (family == AddressFamily.InterNetworkV6 || address.Count(symbol => symbol == '.') == 3);
        result = good ? TransportAddress.From(parsed!, number) : default;
        return good;
    }
}
