using V100.Stun;

namespace V100.Turn;

/// <summary>Refresh (RFC 8656, 8.2), with and without a move to another client address (RFC 8016, 3.2).</summary>
public sealed partial class TurnShard
{
    // By the tickets that clients may still show: at most two for each allocation.
    private readonly Dictionary<UInt128, Allocation> _byTicket = [];

    private TurnRoute Refresh(in StunReader message, in Request request)
    {
        Allocation? allocation = request.Allocation;
        MobilityTicket ticket = default;
        if (message.TryGet(StunAttributeType.MobilityTicket, out ReadOnlySpan<byte> shown))
        {
            if (!Server.Settings.Mobility)
            {
                return RespondError(message, request, StunErrorCode.MobilityForbidden);
            }

            bool known = MobilityTicket.TryRead(shown, out ticket);
            if (known && allocation is null && ticket.Shard != Index && ticket.Shard < Server.ShardCount)
            {
                return HandOver(ticket.Shard);
            }

            // RFC 8016, 3.2.2: a ticket that no allocation has, or that of another flow's allocation, is a mismatch.
            if (!known
                || ticket.Shard != Index
                || !_byTicket.TryGetValue(ticket.Number, out Allocation? resumed)
                || (allocation is not null && allocation != resumed))
            {
                return RespondError(message, request, StunErrorCode.AllocationMismatch);
            }

            allocation = resumed;
        }

        if (allocation is null)
        {
            return RespondError(message, request, StunErrorCode.AllocationMismatch);
        }

        if (!IsOwner(allocation, request))
        {
            return RespondError(message, request, StunErrorCode.WrongCredentials);
        }

        // RFC 8656, 8.2.
        if (!AddressFamilyAttribute.TryRead(message, StunAttributeType.RequestedAddressFamily, out AddressFamily family))
        {
            return RespondError(message, request, StunErrorCode.BadRequest);
        }

        if (family != AddressFamily.None && RelayOf(allocation, family) is null)
        {
            return RespondError(message, request, StunErrorCode.PeerAddressFamilyMismatch);
        }

        if (!ticket.IsNone)
        {
            Move(allocation, ticket, message, request);
        }

        return ProlongOrEnd(message, request, allocation, family);
    }

    private TurnRoute ProlongOrEnd(in StunReader message, in Request request, Allocation allocation, AddressFamily family)
    {
        uint lifetime = 0;
        allocation.Sweep(request.Now);
        if (message.TryGetUInt32(StunAttributeType.Lifetime, out uint wanted) && wanted == 0)
        {
            EndOne(allocation, family);
        }
        else
        {
            lifetime = GrantedLifetime(message, Server.Settings);
            SetLifetime(allocation, lifetime, request.Now);
        }

        Counters.Increment(TurnCounter.RefreshSucceeded);
        StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Success);
        writer.WriteUInt32(StunAttributeType.Lifetime, lifetime);
        if (lifetime != 0)
        {
            WriteTicket(ref writer, allocation);
        }

        return Finish(ref writer, message, request);
    }

    /// <summary>RFC 8656, 8.2: of an allocation with two addresses, the one of the named family ends alone.</summary>
    private void EndOne(Allocation allocation, AddressFamily family)
    {
        if (family == AddressFamily.None || allocation.Second is not { } second)
        {
            Counters.Increment(TurnCounter.AllocationsDeleted);
            End(allocation);
            return;
        }

        Relay ended = RelayOf(allocation, family)!;
        allocation.First = ended == second ? allocation.First : second;
        allocation.Second = null;
        allocation.Record.Relayed = allocation.First.Relayed;
        allocation.Record.AdditionalRelayed = default;
        allocation.Unbind(ended);
        CloseRelay(ended);
    }

    private static Relay? RelayOf(Allocation allocation, AddressFamily family) =>
        AddressFamilyAttribute.Of(allocation.First.Relayed) == family ? allocation.First
        : allocation.Second is { } second && AddressFamilyAttribute.Of(second.Relayed) == family ? second
        : null;

    /// <summary>
    /// RFC 8016, 3.2.2: the allocation follows its client, who gets another ticket. The one that was shown stays good until the client
    /// shows that it has the new one, since the answer may be lost.
    /// </summary>
    private void Move(Allocation allocation, MobilityTicket shown, in StunReader message, in Request request)
    {
        var transaction = TransactionId.Of(message);
        bool repeated = transaction == allocation.TicketTransaction && shown == allocation.PreviousTicket;
        if (shown == allocation.Ticket)
        {
            ForgetTicket(allocation.PreviousTicket);
            allocation.PreviousTicket = shown;
            allocation.Ticket = default;
        }

        if (!repeated)
        {
            ForgetTicket(allocation.Ticket);
            GiveTicket(allocation);
            allocation.TicketTransaction = transaction;
        }

        if (allocation.Flow == request.Flow && !allocation.IsDetached)
        {
            return;
        }

        ClientFlow left = allocation.Flow;
        ForgetFlow(allocation);
        if (left.IsStream && !allocation.IsDetached)
        {
            _outputs.Enqueue(new TurnOutput(TurnOutputKind.CloseClient, left));
        }

        allocation.IsDetached = false;
        allocation.Flow = request.Flow;
        allocation.Record.MoveTo(request.Flow);
        _byFlow[request.Flow] = allocation;
        Server.Directory.AddFlow(request.Flow, Index);
        Counters.Increment(TurnCounter.AllocationsMoved);
    }

    private void GiveTicket(Allocation allocation)
    {
        MobilityTicket ticket;
        do
        {
            ticket = MobilityTicket.Create(Index, _entropy);
        }
        while (!_byTicket.TryAdd(ticket.Number, allocation));
        allocation.Ticket = ticket;
    }

    private void ForgetTicket(MobilityTicket ticket)
    {
        if (!ticket.IsNone)
        {
            _byTicket.Remove(ticket.Number);
        }
    }

    private static void WriteTicket(ref StunWriter writer, Allocation allocation)
    {
        if (!allocation.Ticket.IsNone)
        {
            Span<byte> ticket = stackalloc byte[MobilityTicket.Length];
            allocation.Ticket.Write(ticket);
            writer.Write(StunAttributeType.MobilityTicket, ticket);
        }
    }
}
