using System.Buffers.Binary;
using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>The packet path: ChannelData and Send to peers, and what comes back. Nothing is allocated, copied or locked here.</summary>
public sealed partial class TurnShard
{
    private const int ChannelHeaderLength = 4;
    private const int AttributeHeaderLength = 4;

    // The largest UDP payload over IPv4.
    private const int MaxDatagramLength = 65_507;

    private static readonly uint s_dataIndication = new StunMessageType(StunMethod.Data, StunClass.Indication).Value;

    public partial TurnRoute HandleChannelData(in ClientFlow flow, ReadOnlySpan<byte> message, Instant now, IpFields fields)
    {
        // RFC 8656, 12.4 and 12.6: behind the data there may be padding, over UDP too.
        if (message.Length < ChannelHeaderLength)
        {
            return Drop(TurnCounter.DroppedMalformed);
        }

        uint header = BinaryPrimitives.ReadUInt32BigEndian(message);
        int number = (int)(header >> 16);
        int length = (ushort)header;
        if (length > message.Length - ChannelHeaderLength || number is < ChannelBinding.FirstNumber or > ChannelBinding.HighestNumber)
        {
            return Drop(TurnCounter.DroppedMalformed);
        }

        if (!_byFlow.TryGetValue(flow, out Allocation? allocation))
        {
            return TryFindOwner(flow, out int owner) ? HandOver(owner) : Drop(TurnCounter.DroppedNoAllocation);
        }

        if (!allocation.TryFindChannel(number, now, out ChannelBinding binding))
        {
            return Drop(TurnCounter.DroppedNoChannel);
        }

        TurnSettings settings = Server.Settings;
        PeerVerdict verdict = VerdictOf(binding, settings.Peers);
        return ToPeer(
            allocation, binding.Relay, binding.Peer, verdict, ChannelHeaderLength, length, false, TurnCounter.ChannelDataToPeer, settings, now, fields);
    }

    private TurnRoute HandleIndication(in ClientFlow flow, in StunReader message, Instant now, IpFields fields)
    {
        if (message.Type.Method != StunMethod.Send)
        {
            return Drop(TurnCounter.DroppedUnexpected);
        }

        // RFC 8489, 6.3.2; an attribute that is known but cannot be obeyed counts as unknown (RFC 8656, 11.2 and 14).
        bool dontFragment = message.Has(StunAttributeType.DontFragment);
        if (!message.UnknownRequired.IsEmpty || (dontFragment && !_sockets.SupportsDontFragment))
        {
            return Drop(TurnCounter.DroppedUnknownAttribute);
        }

        if (!message.TryGetRange(StunAttributeType.Data, out int offset, out int length)
            || !message.TryGetXorAddress(StunAttributeType.XorPeerAddress, out TransportAddress peer))
        {
            return Drop(TurnCounter.DroppedMalformed);
        }

        if (!_byFlow.TryGetValue(flow, out Allocation? allocation))
        {
            return TryFindOwner(flow, out int owner) ? HandOver(owner) : Drop(TurnCounter.DroppedNoAllocation);
        }

        // RFC 8656, 11.2: a Send does not refresh the permission that it needs. Over TCP relays there is no Send (RFC 6062).
        if (!allocation.TryFindPermission(peer, now, out Permission permission) || allocation.Transport != RelayTransport.Udp)
        {
            return Drop(TurnCounter.DroppedNoPermission);
        }

        if (allocation.RelayFor(peer) is not { } relay)
        {
            return Drop(TurnCounter.DroppedPeerAddressFamily);
        }

        TurnSettings settings = Server.Settings;
        PeerVerdict verdict = VerdictOf(permission, peer, settings.Peers);
        return ToPeer(allocation, relay, peer, verdict, offset, length, dontFragment, TurnCounter.SendToPeer, settings, now, fields);
    }

    private TurnRoute ToPeer(
        Allocation allocation, Relay relay, in TransportAddress peer, PeerVerdict verdict, int offset, int length, bool dontFragment,
        TurnCounter outcome, TurnSettings settings, Instant now, IpFields fields)
    {
        if (verdict.IsDenied())
        {
            return DropDenied(allocation, peer, verdict, now);
        }

        // RFC 8656, 14 (Time to Live). What is for this server's own media has arrived.
        bool own = verdict == PeerVerdict.OwnMedia;
        if (!fields.TryPassOn(out IpFields onward) && !own)
        {
            return Drop(TurnCounter.DroppedHopLimit);
        }

        if (!allocation.Account.TryUse(length, settings.MaxBitsPerSecondPerUser, now))
        {
            return Drop(TurnCounter.DroppedRateLimit);
        }

        Counters.Increment(own ? TurnCounter.ToOwnMedia : outcome);
        Counters.Add(TurnCounter.BytesToPeer, length);
        allocation.Record.CountToPeer(1, length);
        TurnRouteKind kind = own ? TurnRouteKind.ToOwnMedia : TurnRouteKind.ToPeer;
        return TurnRoute.ToPeer(kind, relay.Id, relay.Relayed, peer, offset, length, dontFragment, onward);
    }

    public partial TurnRoute HandlePeerDatagram(
        RelayId relay, in TransportAddress peer, int payloadLength, Span<byte> header, Instant now, IpFields fields)
    {
        if (!_relays.TryFind(relay, out Relay? open))
        {
            return Drop(TurnCounter.DroppedUnknownRelay);
        }

        Allocation allocation = open.Allocation;
        bool hasChannel = allocation.TryFindChannel(peer, now, out ChannelBinding binding);
        Permission permission;
        if (hasChannel)
        {
            permission = binding.Permission;
        }
        else if (!allocation.TryFindPermission(peer, now, out permission))
        {
            return Drop(TurnCounter.DroppedNoPermission);
        }

        TurnSettings settings = Server.Settings;
        // RFC 8656, 9 and 11.3: a channel does not stand in for the permission, which may have ended before it.
        if (permission.ExpiresAt <= now)
        {
            return Drop(TurnCounter.DroppedNoPermission);
        }

        if (VerdictOf(permission, peer, settings.Peers).IsDenied())
        {
            return Drop(TurnCounter.DroppedDeniedPeer);
        }

        if (allocation.IsDetached)
        {
            return Drop(TurnCounter.DroppedDetached);
        }

        int headerLength = hasChannel
            ? WriteChannelHeader(header, binding.Number, payloadLength)
            : WriteDataHeader(header, peer, payloadLength);
        return ToClient(allocation, headerLength, payloadLength, hasChannel, settings, now, fields);
    }

    private TurnRoute ToClient(
        Allocation allocation, int headerLength, int payloadLength, bool byChannel, TurnSettings settings, Instant now, IpFields fields)
    {
        // RFC 8656, 12.5: ChannelData is padded over streams only; an attribute always is.
        bool padded = !byChannel || allocation.Flow.IsStream;
        int padding = padded ? -payloadLength & 3 : 0;
        int room = allocation.Flow.IsStream ? ushort.MaxValue : MaxDatagramLength;
        if (headerLength + payloadLength + padding > room)
        {
            return Drop(TurnCounter.DroppedTooLong);
        }

        // RFC 8656, 14: not for what goes to a client over TCP or TLS.
        IpFields onward = default;
        if (allocation.Flow.Transport == TransportProtocol.Udp && !fields.TryPassOn(out onward))
        {
            return Drop(TurnCounter.DroppedHopLimit);
        }

        if (!allocation.Account.TryUse(payloadLength, settings.MaxBitsPerSecondPerUser, now))
        {
            return Drop(TurnCounter.DroppedRateLimit);
        }

        Counters.Increment(byChannel ? TurnCounter.ChannelDataToClient : TurnCounter.DataToClient);
        Counters.Add(TurnCounter.BytesToClient, payloadLength);
        allocation.Record.CountToClient(1, payloadLength);
        return TurnRoute.ToClient(allocation.Flow, headerLength, payloadLength, padding, onward);
    }

    public partial TurnRoute HandlePeerError(
        RelayId relay, in TransportAddress peer, byte type, byte code, uint data, Span<byte> header, Instant now)
    {
        if (!_relays.TryFind(relay, out Relay? open))
        {
            return Drop(TurnCounter.DroppedUnknownRelay);
        }

        // RFC 8656, 11.5: unreachable or time exceeded; over IPv6 too big besides.
        bool wanted = peer.IsIPv4 ? type is 3 or 11 : type is 1 or 2 or 3;
        Allocation allocation = open.Allocation;
        if (!wanted || allocation.IsDetached || !allocation.TryFindPermission(peer, now, out _))
        {
            return Drop(TurnCounter.DroppedIcmp);
        }

        int length = WriteIcmpIndication(header, peer, type, code, data);
        Counters.Increment(TurnCounter.IcmpToClient);
        return TurnRoute.ToClient(allocation.Flow, length, 0, 0, default);
    }

    private static int WriteChannelHeader(Span<byte> header, ushort number, int length)
    {
        BinaryPrimitives.WriteUInt32BigEndian(header, (uint)number << 16 | (ushort)length);
        return ChannelHeaderLength;
    }

    /// <summary>A Data indication up to where the payload goes (RFC 8656, 11.3): XOR-PEER-ADDRESS, then the head of DATA.</summary>
    private int WriteDataHeader(Span<byte> header, in TransportAddress peer, int payloadLength)
    {
        int position = WriteIndicationHeader(header, peer);
        int messageLength = position + AttributeHeaderLength + (payloadLength + 3 & ~3) - StunHeader.Length;
        BinaryPrimitives.WriteUInt32BigEndian(header, s_dataIndication << 16 | (ushort)messageLength);
        BinaryPrimitives.WriteUInt32BigEndian(header[position..], (uint)StunAttributeType.Data << 16 | (ushort)payloadLength);
        return position + AttributeHeaderLength;
    }

    /// <summary>RFC 8656, 11.5 and 18.13: 16 reserved bits, 7 of type, 9 of code, then the MTU where the type is about size.</summary>
    private int WriteIcmpIndication(Span<byte> header, in TransportAddress peer, byte type, byte code, uint data)
    {
        const int valueLength = 8;
        bool aboutSize = peer.IsIPv4 ? type == 3 && code == 4 : type == 2;
        int position = WriteIndicationHeader(header, peer);
        int length = position + AttributeHeaderLength + valueLength;
        BinaryPrimitives.WriteUInt32BigEndian(header, s_dataIndication << 16 | (uint)(length - StunHeader.Length));
        BinaryPrimitives.WriteUInt32BigEndian(header[position..], (uint)StunAttributeType.Icmp << 16 | valueLength);
        BinaryPrimitives.WriteUInt32BigEndian(header[(position + 4)..], (uint)type << 9 | code);
        BinaryPrimitives.WriteUInt32BigEndian(header[(position + 8)..], aboutSize ? data : 0);
        return length;
    }

    /// <summary>All of the STUN header but type and length, and XOR-PEER-ADDRESS; says how long they are.</summary>
    private int WriteIndicationHeader(Span<byte> header, in TransportAddress peer)
    {
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], StunHeader.MagicCookie);
        NextIndication().Write(header[8..]);
        int valueLength = StunAddress.LengthOf(peer);
        BinaryPrimitives.WriteUInt32BigEndian(header[StunHeader.Length..], (uint)StunAttributeType.XorPeerAddress << 16 | (uint)valueLength);
        StunAddress.WriteXor(header[(StunHeader.Length + AttributeHeaderLength)..], peer, header.Slice(8, StunHeader.TransactionIdLength));
        return StunHeader.Length + AttributeHeaderLength + valueLength;
    }

    private TransactionId NextIndication()
    {
        _indications++;
        return new TransactionId(_indications * 0x9E37_79B9_7F4A_7C15, (uint)(_indications >> 32));
    }
}
