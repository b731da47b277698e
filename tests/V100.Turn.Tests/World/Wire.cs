namespace V100.Turn.Tests.World;

/// <summary>Numbers of STUN and TURN, from the RFCs and not from the server's code.</summary>
internal static class Wire
{
    public const ushort BindingRequest = 0x0001;
    public const ushort BindingSuccess = 0x0101;
    public const ushort AllocateRequest = 0x0003;
    public const ushort AllocateSuccess = 0x0103;
    public const ushort AllocateError = 0x0113;
    public const ushort RefreshRequest = 0x0004;
    public const ushort RefreshSuccess = 0x0104;
    public const ushort SendIndication = 0x0016;
    public const ushort DataIndication = 0x0017;
    public const ushort CreatePermissionRequest = 0x0008;
    public const ushort CreatePermissionSuccess = 0x0108;
    public const ushort ChannelBindRequest = 0x0009;
    public const ushort ChannelBindSuccess = 0x0109;
    public const ushort ConnectRequest = 0x000A;
    public const ushort ConnectSuccess = 0x010A;
    public const ushort ConnectError = 0x011A;
    public const ushort ConnectionBindRequest = 0x000B;
    public const ushort ConnectionBindSuccess = 0x010B;
    public const ushort ConnectionAttemptIndication = 0x001C;

    public const ushort ChangeRequest = 0x0003;
    public const ushort Username = 0x0006;
    public const ushort MessageIntegrity = 0x0008;
    public const ushort ErrorCode = 0x0009;
    public const ushort UnknownAttributes = 0x000A;
    public const ushort ChannelNumber = 0x000C;
    public const ushort Lifetime = 0x000D;
    public const ushort XorPeerAddress = 0x0012;
    public const ushort Data = 0x0013;
    public const ushort Realm = 0x0014;
    public const ushort Nonce = 0x0015;
    public const ushort XorRelayedAddress = 0x0016;
    public const ushort RequestedAddressFamily = 0x0017;
    public const ushort EvenPort = 0x0018;
    public const ushort RequestedTransport = 0x0019;
    public const ushort DontFragment = 0x001A;
    public const ushort MessageIntegritySha256 = 0x001C;
    public const ushort PasswordAlgorithm = 0x001D;
    public const ushort Userhash = 0x001E;
    public const ushort XorMappedAddress = 0x0020;
    public const ushort ReservationToken = 0x0022;
    public const ushort ConnectionId = 0x002A;
    public const ushort AdditionalAddressFamily = 0x8000;
    public const ushort AddressErrorCode = 0x8001;
    public const ushort PasswordAlgorithms = 0x8002;
    public const ushort Icmp = 0x8004;
    public const ushort Software = 0x8022;
    public const ushort AlternateServer = 0x8023;
    public const ushort Fingerprint = 0x8028;
    public const ushort ResponseOrigin = 0x802B;
    public const ushort OtherAddress = 0x802C;
    public const ushort MobilityTicket = 0x8030;
}
