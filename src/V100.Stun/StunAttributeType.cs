using System.Numerics;
using System.Runtime.CompilerServices;

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
/// place for each. The number is the rank of the type's bit among the known ones.
/// </summary>
internal static class StunAttributeSlot
{
    public const int Count = 39;

    /// <summary>The number of every type that is not known.</summary>
    public const int Unknown = -1;

    // Known types 0x0000 to 0x003F, a bit each.
    private const ulong Required =
        1UL << (int)StunAttributeType.MappedAddress | 1UL << (int)StunAttributeType.ChangeRequest |
        1UL << (int)StunAttributeType.Username |
        1UL << (int)StunAttributeType.MessageIntegrity | 1UL << (int)StunAttributeType.ErrorCode |
        1UL << (int)StunAttributeType.UnknownAttributes | 1UL << (int)StunAttributeType.ChannelNumber |
        1UL << (int)StunAttributeType.Lifetime | 1UL << (int)StunAttributeType.XorPeerAddress |
        1UL << (int)StunAttributeType.Data | 1UL << (int)StunAttributeType.Realm |
        1UL << (int)StunAttributeType.Nonce | 1UL << (int)StunAttributeType.XorRelayedAddress |
        1UL << (int)StunAttributeType.RequestedAddressFamily | 1UL << (int)StunAttributeType.EvenPort |
        1UL << (int)StunAttributeType.RequestedTransport | 1UL << (int)StunAttributeType.DontFragment |
        1UL << (int)StunAttributeType.MessageIntegritySha256 | 1UL << (int)StunAttributeType.PasswordAlgorithm |
        1UL << (int)StunAttributeType.Userhash | 1UL << (int)StunAttributeType.XorMappedAddress |
        1UL << (int)StunAttributeType.ReservationToken | 1UL << (int)StunAttributeType.Priority |
        1UL << (int)StunAttributeType.UseCandidate | 1UL << (int)StunAttributeType.ConnectionId;

    // Known types 0x8000 to 0x803F, a bit each.
    private const ulong Optional =
        1UL << ((int)StunAttributeType.AdditionalAddressFamily & 0x3F) | 1UL << ((int)StunAttributeType.AddressErrorCode & 0x3F) |
        1UL << ((int)StunAttributeType.PasswordAlgorithms & 0x3F) | 1UL << ((int)StunAttributeType.AlternateDomain & 0x3F) |
        1UL << ((int)StunAttributeType.Icmp & 0x3F) | 1UL << ((int)StunAttributeType.Software & 0x3F) |
        1UL << ((int)StunAttributeType.AlternateServer & 0x3F) | 1UL << ((int)StunAttributeType.Fingerprint & 0x3F) |
        1UL << ((int)StunAttributeType.IceControlled & 0x3F) | 1UL << ((int)StunAttributeType.IceControlling & 0x3F) |
        1UL << ((int)StunAttributeType.ResponseOrigin & 0x3F) | 1UL << ((int)StunAttributeType.OtherAddress & 0x3F) |
        1UL << ((int)StunAttributeType.MobilityTicket & 0x3F) | 1UL << ((int)StunAttributeType.AdditionalAddressFamilyOfDrafts & 0x3F);

    private const int RequiredCount = 25;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Of(uint type)
    {
        ulong known = Required;
        int first = 0;
        if (type >= 0x8000)
        {
            known = Optional;
            first = RequiredCount;
        }

        // The types below this one among the known ones, if it is one itself.
        int number = (int)(type & 0x3F);
        return (type & 0x7FC0) == 0 && (known >> number & 1) != 0 ? first + BitOperations.PopCount(known & ((1UL << number) - 1)) : Unknown;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Of(StunAttributeType type) => Of((uint)type);
}
