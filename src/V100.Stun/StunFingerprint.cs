using System.Buffers.Binary;

namespace V100.Stun;

/// <summary>FINGERPRINT (RFC 8489, 14.7): the CRC-32 of the message before it, mixed with a constant.</summary>
public static class StunFingerprint
{
    private const uint Mask = 0x5354_554E;

    /// <summary>Whether the message has the attribute and it is right.</summary>
    public static bool Verify(in StunReader message) =>
        message.TryGetOffset(StunAttributeType.Fingerprint, out int value)
        && BinaryPrimitives.ReadUInt32BigEndian(message.Bytes[value..])
            == Compute(message.Bytes[..(value - StunHeader.AttributeHeaderLength)]);

    /// <summary>The attribute's value for a message of these bytes, whose header's length counts the attribute already.</summary>
    public static uint Compute(ReadOnlySpan<byte> message) => Crc32.Compute(message) ^ Mask;
}
