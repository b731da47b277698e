using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;

namespace V100.EndToEnd.Tests;

/// <summary>An attribute with its value as it stands before it is mixed with the cookie.</summary>
/// <param name="Type">As in the IANA registry.</param>
/// <param name="Value">Without padding.</param>
internal readonly record struct StunAttribute(int Type, byte[] Value)
{
    public const int ChangeRequest = 0x0003;
    public const int Username = 0x0006;
    public const int MessageIntegrity = 0x0008;
    public const int ErrorCode = 0x0009;
    public const int UnknownAttributes = 0x000A;
    public const int ChannelNumber = 0x000C;
    public const int Lifetime = 0x000D;
    public const int XorPeerAddress = 0x0012;
    public const int Data = 0x0013;
    public const int Realm = 0x0014;
    public const int Nonce = 0x0015;
    public const int XorRelayedAddress = 0x0016;
    public const int RequestedAddressFamily = 0x0017;
    public const int EvenPort = 0x0018;
    public const int RequestedTransport = 0x0019;
    public const int DontFragment = 0x001A;
    public const int XorMappedAddress = 0x0020;
    public const int ReservationToken = 0x0022;
    public const int ConnectionId = 0x002A;
    public const int AdditionalAddressFamily = 0x8000;
    public const int AddressErrorCode = 0x8001;
    public const int PasswordAlgorithms = 0x8002;
    public const int Icmp = 0x8004;
    public const int AlternateServer = 0x8023;
    public const int Fingerprint = 0x8028;
    public const int ResponseOrigin = 0x802B;
    public const int OtherAddress = 0x802C;
    public const int MobilityTicket = 0x8030;

    /// <summary>REQUESTED-TRANSPORT of a relay over UDP.</summary>
    public static StunAttribute UdpTransport => new(RequestedTransport, [17, 0, 0, 0]);

    /// <summary>REQUESTED-TRANSPORT of a relay over TCP (RFC 6062, 4.1).</summary>
    public static StunAttribute TcpTransport => new(RequestedTransport, [6, 0, 0, 0]);

    public static StunAttribute UInt32(int type, uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return new StunAttribute(type, bytes);
    }

    /// <summary>XOR-PEER-ADDRESS.</summary>
    public static StunAttribute Peer(IPEndPoint peer)
    {
        byte[] address = peer.Address.GetAddressBytes();
        return new StunAttribute(XorPeerAddress, [0, (byte)(address.Length == 4 ? 1 : 2), (byte)(peer.Port >> 8), (byte)peer.Port, .. address]);
    }
}

/// <summary>A STUN message in plain bytes, made and read without the server's own code (RFC 8489, 5).</summary>
internal sealed class StunMessage
{
    public const int Binding = 0x0001;
    public const int Allocate = 0x0003;
    public const int Refresh = 0x0004;
    public const int CreatePermission = 0x0008;
    public const int ChannelBind = 0x0009;
    public const int Connect = 0x000A;
    public const int ConnectionBind = 0x000B;
    public const int SendIndication = 0x0016;
    public const int DataIndication = 0x0017;
    public const int ConnectionAttemptIndication = 0x001C;

    /// <summary>What makes a method's request its answers.</summary>
    public const int Success = 0x0100;
    public const int Error = 0x0110;

    private const int HeaderLength = 20;
    private const int MacLength = 20;

    private static readonly byte[] _cookie = [0x21, 0x12, 0xA4, 0x42];

    private readonly byte[] _bytes;
    private readonly List<(int Type, int Offset, int Length)> _attributes = [];

    private StunMessage(byte[] bytes) => _bytes = bytes;

    public int Type => BinaryPrimitives.ReadUInt16BigEndian(_bytes);

    public byte[] TransactionId => _bytes[8..HeaderLength];

    /// <summary>Of ERROR-CODE; 0 without one.</summary>
    public int Code => this[StunAttribute.ErrorCode] is { } value ? value[2] * 100 + value[3] : 0;

    /// <summary>The first attribute of this type.</summary>
    public byte[]? this[int type]
    {
        get
        {
            foreach ((int found, int offset, int length) in _attributes)
            {
                if (found == type)
                {
                    return _bytes[offset..(offset + length)];
                }
            }

            return null;
        }
    }

    public static byte[] NewTransactionId() => RandomNumberGenerator.GetBytes(12);

    /// <summary>With MESSAGE-INTEGRITY at its end where there is a key.</summary>
    public static byte[] Write(int type, byte[] transactionId, IEnumerable<StunAttribute> attributes, byte[]? key = null)
    {
        List<byte> bytes = [(byte)(type >> 8), (byte)type, 0, 0, .. _cookie, .. transactionId];
        foreach (StunAttribute attribute in attributes)
        {
            Append(bytes, attribute.Type, attribute.Type == StunAttribute.XorPeerAddress ? Mix(attribute.Value, transactionId) : attribute.Value);
        }

        if (key is not null)
        {
            SetLength(bytes, bytes.Count + 4 + MacLength);
            Append(bytes, StunAttribute.MessageIntegrity, Mac(key, [.. bytes]));
        }

        SetLength(bytes, bytes.Count);
        return [.. bytes];
    }

    /// <summary>The message with FINGERPRINT behind it (RFC 8489, 14.7).</summary>
    public static byte[] WithFingerprint(byte[] message)
    {
        List<byte> bytes = [.. message];
        SetLength(bytes, bytes.Count + 8);
        byte[] value = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(value, Crc32([.. bytes]) ^ 0x5354_554E);
        Append(bytes, StunAttribute.Fingerprint, value);
        return [.. bytes];
    }

    /// <summary>The message with one more attribute at its end, which an integrity in it does not cover.</summary>
    public static byte[] WithBehind(byte[] message, StunAttribute attribute)
    {
        List<byte> bytes = [.. message];
        Append(bytes, attribute.Type, attribute.Value);
        SetLength(bytes, bytes.Count);
        return [.. bytes];
    }

    /// <summary>Null for bytes that are no STUN message.</summary>
    public static StunMessage? Read(byte[] bytes)
    {
        if (bytes.Length < HeaderLength || bytes[0] > 0x3F || !bytes.AsSpan(4, 4).SequenceEqual(_cookie)
            || BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(2)) != bytes.Length - HeaderLength)
        {
            return null;
        }

        StunMessage message = new(bytes);
        int length;
        for (int position = HeaderLength; position < bytes.Length; position += 4 + (length + 3 & ~3))
        {
            length = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(position + 2));
            message._attributes.Add((BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(position)), position + 4, length));
        }

        return message;
    }

    /// <summary>An XOR-…-ADDRESS (RFC 8489, 14.2).</summary>
    public IPEndPoint Address(int type) => EndPoint(Mix(Required(type), TransactionId));

    /// <summary>An address that is not mixed with the cookie (RFC 8489, 14.1).</summary>
    public IPEndPoint PlainAddress(int type) => EndPoint(Required(type));

    /// <summary>Every XOR-…-ADDRESS of this type.</summary>
    public IPEndPoint[] Addresses(int type) =>
        [.. _attributes.Where(attribute => attribute.Type == type).Select(attribute => EndPoint(Mix(_bytes[attribute.Offset..(attribute.Offset + attribute.Length)], TransactionId)))];

    /// <summary>Whether MESSAGE-INTEGRITY was made with this key.</summary>
    public bool IsSealedWith(byte[] key)
    {
        (int type, int offset, int length) = _attributes.Find(attribute => attribute.Type == StunAttribute.MessageIntegrity);
        if (type == 0 || length != MacLength)
        {
            return false;
        }

        List<byte> before = [.. _bytes[..(offset - 4)]];
        SetLength(before, offset + MacLength);
        return Mac(key, [.. before]).AsSpan().SequenceEqual(_bytes.AsSpan(offset, MacLength));
    }

    private byte[] Required(int type) => this[type] ?? throw new InvalidOperationException($"There is no attribute {type:x4} in a {Type:x4}.");

    private static IPEndPoint EndPoint(byte[] value) => new(new IPAddress(value.AsSpan(4)), BinaryPrimitives.ReadUInt16BigEndian(value.AsSpan(2)));

    private static void Append(List<byte> bytes, int type, byte[] value) => bytes.AddRange(
        [(byte)(type >> 8), (byte)type, (byte)(value.Length >> 8), (byte)value.Length, .. value, .. new byte[-value.Length & 3]]);

    private static void SetLength(List<byte> bytes, int whole)
    {
        bytes[2] = (byte)(whole - HeaderLength >> 8);
        bytes[3] = (byte)(whole - HeaderLength);
    }

    private static byte[] Mix(byte[] value, byte[] transactionId)
    {
        byte[] mask = [0, 0, _cookie[0], _cookie[1], .. _cookie, .. transactionId];
        return [.. value.Select((octet, index) => (byte)(octet ^ mask[index]))];
    }

#pragma warning disable CA5350 // MESSAGE-INTEGRITY is HMAC-SHA1.
    private static byte[] Mac(byte[] key, byte[] message) => HMACSHA1.HashData(key, message);
#pragma warning restore CA5350

    private static uint Crc32(byte[] bytes)
    {
        uint sum = uint.MaxValue;
        foreach (byte octet in bytes)
        {
            sum ^= octet;
            for (int bit = 0; bit < 8; bit++)
            {
                sum = (sum & 1) != 0 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1;
            }
        }

        return ~sum;
    }
}
