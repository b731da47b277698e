using V100.Net;
using V100.Stun;

namespace V100.Turn;

public sealed partial class TurnShard
{
    /// <summary>An authenticated request, besides its message.</summary>
    private readonly ref struct Request(in ClientFlow flow, Span<byte> response, Instant now, in Proof proof, Allocation? allocation)
    {
        public readonly ClientFlow Flow = flow;
        public readonly Span<byte> Response = response;
        public readonly Instant Now = now;
        public readonly Proof Proof = proof;

        /// <summary>Of the flow, whoever made it.</summary>
        public readonly Allocation? Allocation = allocation;
    }

    public partial TurnRoute HandleStun(in ClientFlow flow, in StunReader message, Span<byte> response, Instant now, IpFields fields)
    {
        StunMessageType type = message.Type;
        if (type.Class is not (StunClass.Request or StunClass.Indication))
        {
            return Drop(TurnCounter.DroppedUnexpected);
        }

        // RFC 8489, 6.3 and 7: with a wrong fingerprint it is no STUN message.
        if (message.Has(StunAttributeType.Fingerprint) && !StunFingerprint.Verify(message))
        {
            return Drop(TurnCounter.DroppedFingerprint);
        }

        if (type.Class == StunClass.Indication)
        {
            return HandleIndication(flow, message, now, fields);
        }

        switch (type.Method)
        {
            case StunMethod.Binding:
                return HandleBinding(flow, message, response);
            case StunMethod.Allocate or StunMethod.Refresh or StunMethod.CreatePermission or StunMethod.ChannelBind:
            case StunMethod.Connect or StunMethod.ConnectionBind:
                return HandleTurnRequest(flow, message, response, now);
            default:
                // RFC 8489, 6.3: an unknown method is silently discarded.
                return Drop(TurnCounter.DroppedUnexpected);
        }
    }

    private TurnRoute HandleTurnRequest(in ClientFlow flow, in StunReader message, Span<byte> response, Instant now)
    {
        if (!_byFlow.TryGetValue(flow, out Allocation? allocation) && TryFindOwner(flow, out int owner))
        {
            return HandOver(owner);
        }

        if (!TryAuthenticate(message, flow, allocation, now, out Proof proof, out StunErrorCode error))
        {
            return RespondUnauthenticated(message, flow, response, error, now);
        }

        var request = new Request(flow, response, now, proof, allocation);
        if (!message.UnknownRequired.IsEmpty)
        {
            // RFC 8489, 6.3.1, after the checks of the authentication (6.3).
            return RespondUnknown(message, request, 0);
        }

        return message.Type.Method switch
        {
            StunMethod.Allocate => Allocate(message, request),
            StunMethod.Refresh => Refresh(message, request),
            StunMethod.ConnectionBind => ConnectionBind(message, request),
            StunMethod method => HandleAllocationRequest(method, message, request),
        };
    }

    /// <summary>Requests about the allocation of the flow, which must be the user's own.</summary>
    private TurnRoute HandleAllocationRequest(StunMethod method, in StunReader message, in Request request)
    {
        // RFC 8656, 5.
        if (request.Allocation is not { } allocation)
        {
            return RespondError(message, request, StunErrorCode.AllocationMismatch);
        }

        if (!IsOwner(allocation, request))
        {
            return RespondError(message, request, StunErrorCode.WrongCredentials);
        }

        allocation.Sweep(request.Now);
        return method switch
        {
            StunMethod.CreatePermission => CreatePermission(message, request, allocation),
            StunMethod.ChannelBind => ChannelBind(message, request, allocation),
            _ => Connect(message, request, allocation),
        };
    }

    private static bool IsOwner(Allocation allocation, in Request request) =>
        ReferenceEquals(allocation.Name, request.Proof.Key.Name) || allocation.Name.AsSpan().SequenceEqual(request.Proof.Key.Name);

    private bool TryFindOwner(in ClientFlow flow, out int owner) => Server.Directory.TryFindOwner(flow, out owner) && owner != Index;

    private TurnRoute HandOver(int shard)
    {
        Counters.Increment(TurnCounter.HandedOver);
        return TurnRoute.HandOver(shard);
    }

    private TurnRoute Drop(TurnCounter reason)
    {
        Counters.Increment(reason);
        return default;
    }

    private TurnRoute HandleBinding(in ClientFlow flow, in StunReader message, Span<byte> response)
    {
        // The answer is hardly larger than the request, so it needs no limiter. RFC 5780, 6.1: another source address is for UDP alone.
        NatDiscovery? discovery = flow.Transport == TransportProtocol.Udp ? Server.Settings.Discovery : null;
        int length = BindingServer.Respond(message, flow.Client, flow.Server, discovery, response, out TransportAddress source);
        Counters.Increment(TurnCounter.BindingAnswered);
        return TurnRoute.Respond(new ClientFlow(flow.Client, source), length);
    }
}
