using System.Buffers.Binary;

namespace V100.Stun;

/// <summary>The error codes that this server sends (RFC 8489, 14.8; RFC 8656, 19; RFC 8445, 7.3.1.1; RFC 6062, 6.3; RFC 8016, 3.4).</summary>
public enum StunErrorCode : ushort
{
    TryAlternate = 300,
    BadRequest = 400,
    Unauthenticated = 401,
    Forbidden = 403,
    MobilityForbidden = 405,
    UnknownAttribute = 420,
    AllocationMismatch = 437,
    StaleNonce = 438,
    AddressFamilyNotSupported = 440,
    WrongCredentials = 441,
    UnsupportedTransportProtocol = 442,
    PeerAddressFamilyMismatch = 443,
    ConnectionAlreadyExists = 446,
    ConnectionTimeoutOrFailure = 447,
    AllocationQuotaReached = 486,
    RoleConflict = 487,
    ServerError = 500,
    InsufficientCapacity = 508,
}

/// <summary>
/// The value of an ERROR-CODE attribute (RFC 8489, 14.8), always with an empty reason phrase: the phrase is for people
/// who debug, and an answer to an unproven source address carries no byte that nobody needs.
/// </summary>
internal static class StunErrorCodeValue
{
    public const int Length = 4;

    public static void Write(Span<byte> value, StunErrorCode code) =>
        BinaryPrimitives.WriteUInt32BigEndian(value, (uint)code / 100 << 8 | (uint)code % 100);

    public static bool TryRead(ReadOnlySpan<byte> value, out StunErrorCode code)
    {
        bool whole = value.Length >= Length;
        // RFC 8489, 14.8: the class is 3 bits, the number 0 to 99.
        int hundreds = whole ? value[2] & 7 : 0;
        int number = whole ? value[3] : 0;
        code = (StunErrorCode)(hundreds * 100 + number);
        return whole && hundreds is >= 3 and <= 6 && number <= 99;
    }
}
