using V100.Stun;

namespace V100.Turn;

/// <summary>What an Allocate request asks for, after the checks of RFC 8656, 7.2 and RFC 6062, 5.1 that need no state.</summary>
internal readonly record struct AllocationWish(
    RelayTransport Transport, AddressFamily Family, bool WantsIPv6Too, PortParity Parity, bool HasToken, ulong Token, bool IsMobile)
{
    // IANA protocol numbers.
    private const byte Tcp = 6;
    private const byte Udp = 17;

    /// <summary>The code of the refusal, or 0. <see cref="StunErrorCode.UnknownAttribute"/> is about DONT-FRAGMENT.</summary>
    public static StunErrorCode Read(in StunReader message, in ClientFlow flow, TurnSettings settings, bool supportsDontFragment, out AllocationWish wish)
    {
        wish = default;
        if (!message.TryGet(StunAttributeType.RequestedTransport, out ReadOnlySpan<byte> protocol) || protocol.Length != 4)
        {
            return StunErrorCode.BadRequest;
        }

        if (protocol[0] != Udp && (protocol[0] != Tcp || !settings.TcpRelays))
        {
            return StunErrorCode.UnsupportedTransportProtocol;
        }

        RelayTransport transport = protocol[0] == Tcp ? RelayTransport.Tcp : RelayTransport.Udp;
        bool hasToken = message.Has(StunAttributeType.ReservationToken);
        bool hasEvenPort = message.Has(StunAttributeType.EvenPort);
        bool dontFragment = message.Has(StunAttributeType.DontFragment);
        if (transport == RelayTransport.Tcp && (!flow.IsStream || hasToken || hasEvenPort || dontFragment))
        {
            // RFC 6062, 5.1.
            return StunErrorCode.BadRequest;
        }

        if (dontFragment && !supportsDontFragment)
        {
            return StunErrorCode.UnknownAttribute;
        }

        if (!TryReadPort(message, hasToken, hasEvenPort, out PortParity parity, out ulong token))
        {
            return StunErrorCode.BadRequest;
        }

        StunErrorCode error = ReadFamilies(message, hasToken, parity, out AddressFamily family, out bool both);
        if (error == 0)
        {
            error = ReadMobility(message, settings, out bool isMobile);
            wish = new AllocationWish(transport, family, both, parity, hasToken, token, isMobile);
        }

        return error;
    }

    private static bool TryReadPort(in StunReader message, bool hasToken, bool hasEvenPort, out PortParity parity, out ulong token)
    {
        parity = PortParity.Any;
        token = 0;
        if (hasEvenPort)
        {
            // RFC 8656, 18.7: one byte, whose highest bit asks for the reservation.
            if (hasToken || !message.TryGet(StunAttributeType.EvenPort, out ReadOnlySpan<byte> value) || value.Length != 1)
            {
                return false;
            }

            parity = (value[0] & 0x80) != 0 ? PortParity.Pair : PortParity.Even;
        }

        return !hasToken || message.TryGetUInt64(StunAttributeType.ReservationToken, out token);
    }

    private static StunErrorCode ReadFamilies(in StunReader message, bool hasToken, PortParity parity, out AddressFamily family, out bool both)
    {
        both = false;
        StunAttributeType number = message.Has(StunAttributeType.AdditionalAddressFamily)
            ? StunAttributeType.AdditionalAddressFamily
            : StunAttributeType.AdditionalAddressFamilyOfDrafts;
        if (!AddressFamilyAttribute.TryRead(message, StunAttributeType.RequestedAddressFamily, out family)
            | !AddressFamilyAttribute.TryRead(message, number, out AddressFamily additional))
        {
            return StunErrorCode.BadRequest;
        }

        both = additional != AddressFamily.None;
        bool hasFamily = family != AddressFamily.None;
        // RFC 8656, 7.2: the additional family is IPv6, and neither goes with what decides the address otherwise.
        if ((both && (additional != AddressFamily.IPv6 || hasFamily || parity == PortParity.Pair)) || (hasToken && (both || hasFamily)))
        {
            return StunErrorCode.BadRequest;
        }

        if (!hasFamily)
        {
            family = AddressFamily.IPv4;
        }

        return family is AddressFamily.IPv4 or AddressFamily.IPv6 ? 0 : StunErrorCode.AddressFamilyNotSupported;
    }

    private static StunErrorCode ReadMobility(in StunReader message, TurnSettings settings, out bool isMobile)
    {
        isMobile = message.TryGet(StunAttributeType.MobilityTicket, out ReadOnlySpan<byte> ticket);
        // RFC 8016, 3.1.2: an Allocate asks with an empty one.
        return !isMobile ? 0
            : !settings.Mobility ? StunErrorCode.MobilityForbidden
            : !ticket.IsEmpty ? StunErrorCode.BadRequest
            : 0;
    }
}
