using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace V100.Stun;

/// <summary>
/// The attributes that this server understands. A type below 0x8000 that stands here is comprehended in every message,
/// where it may still be unexpected and then is ignored (RFC 8489, 6.3); one that does not stand here is unknown.
/// </summary>
public enum StunAttributeType : ushort
{
    MappedAddress = 0x0001,

    /// <summary>RFC 5780, 7.2.</summary>
    ChangeRequest = 0x0003,
    Username = 0x0006,
    MessageIntegrity = 0x0008,
    ErrorCode = 0x0009,
    UnknownAttributes = 0x000A,
    ChannelNumber = 0x000C,
    Lifetime = 0x000D,
    XorPeerAddress = 0x0012,
    Data = 0x0013,
    Realm = 0x0014,
    Nonce = 0x0015,
    XorRelayedAddress = 0x0016,
    RequestedAddressFamily = 0x0017,
    EvenPort = 0x0018,
    RequestedTransport = 0x0019,
    DontFragment = 0x001A,
    MessageIntegritySha256 = 0x001C,
    PasswordAlgorithm = 0x001D,
    Userhash = 0x001E,
    XorMappedAddress = 0x0020,
    ReservationToken = 0x0022,
    Priority = 0x0024,
    UseCandidate = 0x0025,
    ConnectionId = 0x002A,

    AdditionalAddressFamily = 0x8000,
    AddressErrorCode = 0x8001,
    PasswordAlgorithms = 0x8002,
    AlternateDomain = 0x8003,
    Icmp = 0x8004,
    Software = 0x8022,
    AlternateServer = 0x8023,
    Fingerprint = 0x8028,
    IceControlled = 0x8029,
    IceControlling = 0x802A,

    /// <summary>RFC 5780, 7.3 and 7.4.</summary>
    ResponseOrigin = 0x802B,
    OtherAddress = 0x802C,
    MobilityTicket = 0x8030,

    /// <summary>ADDITIONAL-ADDRESS-FAMILY under the number of its first drafts, which coturn's clients send.</summary>
    AdditionalAddressFamilyOfDrafts = 0x8032,
}

/// <summary>
/// Gives every <see cref="StunAttributeType"/> a number of its own, from 0 without gaps, so that a reader's table has one
/// place for each, and its mask one bit. What seals a message has the last ones.
/// </summary>
internal static class StunAttributeSlot
{
    public const int Count = 39;

    /// <summary>The first of the three that seal a message; every number from here on needs more than to be kept.</summary>
    public const int MessageIntegrity = 36;
    public const int MessageIntegritySha256 = 37;
    public const int Fingerprint = 38;

    /// <summary>The number of every type that is not known: a bit that no known one has.</summary>
    public const int Unknown = 63;

    private const byte __ = Unknown;

    // In pairs: 0x0000, 0x8000, 0x0001, 0x8001, and so on to 0x003F, 0x803F, four pairs a line.
    private static ReadOnlySpan<byte> Slots =>
    [
        __, 23,   0, 24,  __, 25,   1, 26,
        __, 27,  __, __,   2, __,  __, __,
        36, __,   3, __,   4, __,  __, __,
         5, __,   6, __,  __, __,  __, __,
        __, __,  __, __,   7, __,   8, __,
         9, __,  10, __,  11, __,  12, __,
        13, __,  14, __,  15, __,  __, __,
        37, __,  16, __,  17, __,  __, __,
        18, __,  __, __,  19, 28,  __, 29,
        20, __,  21, __,  __, __,  __, __,
        __, 38,  __, 30,  22, 31,  __, 32,
        __, 33,  __, __,  __, __,  __, __,
        __, 34,  __, __,  __, 35,  __, __,
        __, __,  __, __,  __, __,  __, __,
        __, __,  __, __,  __, __,  __, __,
        __, __,  __, __,  __, __,  __, __,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Of(StunAttributeType type) => OfHeader((uint)type << 16);

    /// <param name="header">An attribute's first four bytes, type and length, as a number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int OfHeader(uint header)
    {
        // The type with its highest bit moved to the lowest place: all known ones are then below 128.
        uint index = (header >> 15 & 0xFFFE) | header >> 31;
        return index < (uint)Slots.Length ? Unsafe.Add(ref MemoryMarshal.GetReference(Slots), index) : Unknown;
    }
}
