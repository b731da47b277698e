using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>CreatePermission (RFC 8656, 10.2), ChannelBind (12.2), and what both and the packet path ask of the peer policy.</summary>
public sealed partial class TurnShard
{
    // A denial on the packet path is written down at most so often; it is counted always.
    private static readonly TimeSpan s_denialInterval = TimeSpan.FromMilliseconds(100);

    private Instant _nextSendDenial;

    private TurnRoute CreatePermission(in StunReader message, in Request request, Allocation allocation)
    {
        StunErrorCode error = CheckPermissions(message, request, allocation);
        if (error != 0)
        {
            // RFC 8656, 10.2: all of them, or none.
            return RespondError(message, request, error);
        }

        PeerPolicy policy = Server.Settings.Peers;
        foreach (StunAttribute attribute in message)
        {
            if (attribute.Type == StunAttributeType.XorPeerAddress
                && StunAddress.TryReadXor(attribute.Value, message.TransactionId, out TransportAddress peer))
            {
                allocation.Permit(peer, policy, policy.CheckAddress(peer), request.Now);
            }
        }

        Counters.Increment(TurnCounter.CreatePermissionSucceeded);
        StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Success);
        return Finish(ref writer, message, request);
    }

    private StunErrorCode CheckPermissions(in StunReader message, in Request request, Allocation allocation)
    {
        int peers = 0;
        int further = 0;
        TurnSettings settings = Server.Settings;
        foreach (StunAttribute attribute in message)
        {
            if (attribute.Type != StunAttributeType.XorPeerAddress)
            {
                continue;
            }

            peers++;
            if (!StunAddress.TryReadXor(attribute.Value, message.TransactionId, out TransportAddress peer))
            {
                return StunErrorCode.BadRequest;
            }

            StunErrorCode error = CheckPeer(allocation, peer, PeerUse.CreatePermission, settings.Peers.CheckAddress(peer), request.Now);
            if (error != 0)
            {
                return error;
            }

            if (!allocation.HasPermissionOrRoom(peer, settings.MaxPermissionsPerAllocation, ref further))
            {
                return StunErrorCode.InsufficientCapacity;
            }
        }

        // RFC 8656, 10.2: at least one.
        return peers > 0 ? 0 : StunErrorCode.BadRequest;
    }

    private TurnRoute ChannelBind(in StunReader message, in Request request, Allocation allocation)
    {
        // RFC 8656, 12.2 and 18.1: number, then two bytes without meaning. Channels are for datagrams (RFC 6062).
        if (!message.TryGetUInt32(StunAttributeType.ChannelNumber, out uint channel)
            || !message.TryGetXorAddress(StunAttributeType.XorPeerAddress, out TransportAddress peer)
            || channel >> 16 < ChannelBinding.FirstNumber
            || channel >> 16 > Server.Settings.LastChannelNumber
            || allocation.Transport != RelayTransport.Udp)
        {
            return RespondError(message, request, StunErrorCode.BadRequest);
        }

        var number = (ushort)(channel >> 16);
        TurnSettings settings = Server.Settings;
        PeerVerdict verdict = settings.Peers.Check(peer);
        StunErrorCode error = CheckPeer(allocation, peer, PeerUse.ChannelBind, verdict, request.Now);
        int further = 0;
        if (error == 0 && !allocation.CanBind(number, peer))
        {
            error = StunErrorCode.BadRequest;
        }

        if (error == 0
            && (!allocation.HasChannelOrRoom(number, settings.MaxPermissionsPerAllocation)
                || !allocation.HasPermissionOrRoom(peer, settings.MaxPermissionsPerAllocation, ref further)))
        {
            error = StunErrorCode.InsufficientCapacity;
        }

        if (error != 0)
        {
            return RespondError(message, request, error);
        }

        // RFC 8656, 12.2: a binding installs or refreshes the permission, too.
        Permission permission = allocation.Permit(peer, settings.Peers, settings.Peers.CheckAddress(peer), request.Now);
        allocation.Bind(number, peer, allocation.RelayFor(peer)!, permission, verdict, request.Now);
        Counters.Increment(TurnCounter.ChannelBindSucceeded);
        StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Success);
        return Finish(ref writer, message, request);
    }

    /// <summary>
    /// 403 for a peer that may not be reached (RFC 8656, 10.2, 12.2; RFC 6062, 5.2), then 443 for one of a family that the allocation
    /// does not have; 0 for one that is good.
    /// </summary>
    private StunErrorCode CheckPeer(Allocation allocation, in TransportAddress peer, PeerUse use, PeerVerdict verdict, Instant now)
    {
        if (verdict.IsDenied())
        {
            Denials.Add(new Denial(now, allocation.Account.User, allocation.Flow.Client, peer, use, verdict));
            return StunErrorCode.Forbidden;
        }

        return allocation.RelayFor(peer) is null ? StunErrorCode.PeerAddressFamilyMismatch : 0;
    }

    /// <summary>What the policy in force says of a peer that has a permission.</summary>
    private static PeerVerdict VerdictOf(Permission permission, in TransportAddress peer, PeerPolicy policy)
    {
        if (!ReferenceEquals(permission.Policy, policy))
        {
            permission.Verdict = policy.CheckAddress(permission.Address);
            permission.Policy = policy;
        }

        return permission.Verdict == PeerVerdict.AllowedByPort ? policy.Check(peer) : permission.Verdict;
    }

    /// <summary>What the policy in force says of a peer that has a channel.</summary>
    private static PeerVerdict VerdictOf(ChannelBinding binding, PeerPolicy policy)
    {
        if (!ReferenceEquals(binding.Policy, policy))
        {
            binding.Verdict = policy.Check(binding.Peer);
            binding.Policy = policy;
        }

        return binding.Verdict;
    }

    private TurnRoute DropDenied(Allocation allocation, in TransportAddress peer, PeerVerdict verdict, Instant now)
    {
        if (now >= _nextSendDenial)
        {
            _nextSendDenial = now + s_denialInterval;
            Denials.Add(new Denial(now, allocation.Account.User, allocation.Flow.Client, peer, PeerUse.Send, verdict));
        }

        return Drop(TurnCounter.DroppedDeniedPeer);
    }
}
