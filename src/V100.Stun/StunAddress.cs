using System.Buffers.Binary;
using V100.Net;

namespace V100.Stun;

/// <summary>
/// The value of an address attribute, plain (RFC 8489, 14.1) or with the cookie and transaction id mixed in (14.2:
/// XOR-MAPPED-, XOR-PEER- and XOR-RELAYED-ADDRESS).
/// </summary>
public static class StunAddress
{
    public const int IPv4Length = 8;
    public const int IPv6Length = 20;

    private const byte IPv4Family = 1;
    private const byte IPv6Family = 2;

    private const ushort CookieHigh = (ushort)(StunHeader.MagicCookie >> 16);

    /// <summary>Bytes of the value for this address.</summary>
    public static int LengthOf(in TransportAddress address) => address.IsIPv4 ? IPv4Length : IPv6Length;

    /// <summary>Reads a plain address (MAPPED-ADDRESS, ALTERNATE-SERVER).</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out TransportAddress address) => TryRead(value, 0, 0, 0, out address);

    /// <summary>Reads an address that is mixed with the message's cookie and transaction id.</summary>
    /// <param name="value">The attribute's value.</param>
    /// <param name="transactionId">12 bytes.</param>
    /// <param name="address">What it says, or default.</param>
    public static bool TryReadXor(ReadOnlySpan<byte> value, ReadOnlySpan<byte> transactionId, out TransportAddress address)
    {
        Mask(transactionId, out ulong high, out ulong low);
        return TryRead(value, CookieHigh, high, low, out address);
    }

    /// <summary>Writes a plain address into at least <see cref="LengthOf"/> bytes; returns the value's length.</summary>
    public static int Write(Span<byte> value, in TransportAddress address) => Write(value, address, 0, 0, 0);

    /// <summary>Writes a mixed address into at least <see cref="LengthOf"/> bytes; returns the value's length.</summary>
    public static int WriteXor(Span<byte> value, in TransportAddress address, ReadOnlySpan<byte> transactionId)
    {
        Mask(transactionId, out ulong high, out ulong low);
        return Write(value, address, CookieHigh, high, low);
    }

    // RFC 8489, 14.2: the 128 bits that an IPv6 address is mixed with: the cookie, then the transaction id.
    private static void Mask(ReadOnlySpan<byte> transactionId, out ulong high, out ulong low)
    {
        high = (ulong)StunHeader.MagicCookie << 32 | BinaryPrimitives.ReadUInt32BigEndian(transactionId);
        low = BinaryPrimitives.ReadUInt64BigEndian(transactionId[4..]);
    }

    private static bool TryRead(ReadOnlySpan<byte> value, ushort portMask, ulong high, ulong low, out TransportAddress address)
    {
        if (value.Length == IPv4Length && value[1] == IPv4Family)
        {
            ushort port = (ushort)(BinaryPrimitives.ReadUInt16BigEndian(value[2..]) ^ portMask);
            address = TransportAddress.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(value[4..]) ^ (uint)(high >> 32), port);
            return true;
        }

        if (value.Length == IPv6Length && value[1] == IPv6Family)
        {
            ushort port = (ushort)(BinaryPrimitives.ReadUInt16BigEndian(value[2..]) ^ portMask);
            Span<byte> bytes = stackalloc byte[16];
            BinaryPrimitives.WriteUInt64BigEndian(bytes, BinaryPrimitives.ReadUInt64BigEndian(value[4..]) ^ high);
            BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], BinaryPrimitives.ReadUInt64BigEndian(value[12..]) ^ low);
            address = TransportAddress.FromIPv6(bytes, port);
            return true;
        }

        address = default;
        return false;
    }

    private static int Write(Span<byte> value, in TransportAddress address, ushort portMask, ulong high, ulong low)
    {
        value[0] = 0;
        value[1] = address.IsIPv4 ? IPv4Family : IPv6Family;
        BinaryPrimitives.WriteUInt16BigEndian(value[2..], (ushort)(address.Port ^ portMask));
        if (address.IsIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(value[4..], address.IPv4 ^ (uint)(high >> 32));
            return IPv4Length;
        }

        UInt128 number = address.Value;
        BinaryPrimitives.WriteUInt64BigEndian(value[4..], (ulong)(number >> 64) ^ high);
        BinaryPrimitives.WriteUInt64BigEndian(value[12..], (ulong)number ^ low);
        return IPv6Length;
    }
}
