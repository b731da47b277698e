namespace V100.Stun;

/// <summary>The layout of a STUN message's first 20 bytes (RFC 8489, 5): type, length, magic cookie, transaction id.</summary>
public static class StunHeader
{
    public const int Length = 20;
    public const uint MagicCookie = 0x2112_A442;
    public const int TransactionIdLength = 12;

    internal const int LengthOffset = 2;
    internal const int CookieOffset = 4;
    internal const int TransactionIdOffset = 8;

    /// <summary>Bytes of an attribute's type and length, which stand before its value (RFC 8489, 14).</summary>
    internal const int AttributeHeaderLength = 4;

    /// <summary>An attribute's value ends on a multiple of four bytes.</summary>
    internal static int Padded(int length) => (length + 3) & ~3;
}
