using System.Buffers.Binary;
using V100.Net.Crypto;

namespace V100.Stun;

/// <summary>
/// Checks MESSAGE-INTEGRITY (RFC 8489, 14.5) and MESSAGE-INTEGRITY-SHA256 (14.6) of a received message. False also where
/// the attribute is missing or has a wrong length. The comparison takes the same time for every wrong value.
/// </summary>
public static class StunIntegrity
{
    public static bool Verify(in StunReader message, HmacSha1Key key)
    {
        if (!message.TryGet(StunAttributeType.MessageIntegrity, out ReadOnlySpan<byte> received)
            || received.Length != HmacSha1Key.MacLength)
        {
            return false;
        }

        Span<byte> header = stackalloc byte[StunHeader.Length];
        Span<byte> computed = stackalloc byte[HmacSha1Key.MacLength];
        ReadOnlySpan<byte> body = Sealed(message, StunAttributeType.MessageIntegrity, ref header);
        key.Compute(header, body, computed);
        return ConstantTime.Equals(computed, received);
    }

    /// <param name="message">A parsed message.</param>
    /// <param name="key">The key of the claimed sender.</param>
    /// <param name="minLength">
    /// RFC 8489, 14.6: the full 32 bytes, unless the usage allows truncation; never less than 16.
    /// </param>
    public static bool Verify(in StunReader message, HmacSha256Key key, int minLength = HmacSha256Key.MacLength)
    {
        if (!message.TryGet(StunAttributeType.MessageIntegritySha256, out ReadOnlySpan<byte> received)
            || received.Length < Math.Max(minLength, 16)
            || received.Length > HmacSha256Key.MacLength
            || (received.Length & 3) != 0)
        {
            return false;
        }

        Span<byte> header = stackalloc byte[StunHeader.Length];
        Span<byte> computed = stackalloc byte[HmacSha256Key.MacLength];
        ReadOnlySpan<byte> body = Sealed(message, StunAttributeType.MessageIntegritySha256, ref header);
        key.Compute(header, body, computed);
        return ConstantTime.Equals(computed[..received.Length], received);
    }

    /// <summary>
    /// What the MAC covers: a header whose length ends with the integrity attribute, and the attributes before it. Where the message on
    /// the wire ends there too, as most requests do, that is the message as it lies: <paramref name="header"/> becomes empty.
    /// </summary>
    private static ReadOnlySpan<byte> Sealed(in StunReader message, StunAttributeType type, ref Span<byte> header)
    {
        ReadOnlySpan<byte> bytes = message.Bytes;
        message.TryGetOffset(type, out int value);
        int end = value + BinaryPrimitives.ReadUInt16BigEndian(bytes[(value - 2)..]);
        if (end == bytes.Length)
        {
            header = default;
            return bytes[..(value - StunHeader.AttributeHeaderLength)];
        }

        bytes[..StunHeader.Length].CopyTo(header);
        BinaryPrimitives.WriteUInt16BigEndian(header[StunHeader.LengthOffset..], (ushort)(end - StunHeader.Length));
        return bytes[StunHeader.Length..(value - StunHeader.AttributeHeaderLength)];
    }
}
