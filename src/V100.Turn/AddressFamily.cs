using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>
/// The value of REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY (RFC 8656, 18.6 and 18.11): a family, and three bytes without
/// meaning.
/// </summary>
internal enum AddressFamily : byte
{
    None = 0,
    IPv4 = 1,
    IPv6 = 2,
}

internal static class AddressFamilyAttribute
{
    public const int Length = 4;

    public static AddressFamily Of(in TransportAddress address) => address.IsIPv4 ? AddressFamily.IPv4 : AddressFamily.IPv6;

    /// <summary>False when the value is malformed. An absent attribute is <see cref="AddressFamily.None"/>.</summary>
    public static bool TryRead(in StunReader message, StunAttributeType type, out AddressFamily family)
    {
        family = AddressFamily.None;
        if (!message.TryGet(type, out ReadOnlySpan<byte> value))
        {
            return true;
        }

        if (value.Length != Length || value[0] == 0)
        {
            return false;
        }

        family = (AddressFamily)value[0];
        return true;
    }

    /// <summary>ADDRESS-ERROR-CODE (RFC 8656, 18.12): family, reserved bits, class, number, and no reason phrase.</summary>
    public static void WriteError(ref StunWriter writer, AddressFamily family, StunErrorCode code) =>
        writer.WriteUInt32(StunAttributeType.AddressErrorCode, (uint)family << 24 | (uint)code / 100 << 8 | (uint)code % 100);
}
