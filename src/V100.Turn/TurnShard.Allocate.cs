using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>Allocate (RFC 8656, 7.2; RFC 6062, 5.1; RFC 8016, 3.1).</summary>
public sealed partial class TurnShard
{
    private const uint DefaultLifetimeSeconds = 600;

    // RFC 8656, 7.2 asks for at least 30 s.
    private static readonly TimeSpan s_reservationLifetime = TimeSpan.FromSeconds(30);

    private TurnRoute Allocate(in StunReader message, in Request request)
    {
        if (request.Allocation is { } existing)
        {
            // RFC 8656, 7.2: a retransmission gets its answer again, everything else on a flow in use is a mismatch.
            return existing.Transaction == TransactionId.Of(message) && IsOwner(existing, request)
                ? RespondAllocated(message, request, existing, TurnCounter.AllocateRepeated)
                : RespondError(message, request, StunErrorCode.AllocationMismatch);
        }

        TurnSettings settings = Server.Settings;
        StunErrorCode error = AllocationWish.Read(message, request.Flow, settings, _sockets.SupportsDontFragment, out AllocationWish wish);
        if (error == StunErrorCode.UnknownAttribute)
        {
            return RespondUnknown(message, request, StunAttributeType.DontFragment);
        }

        if (error == 0 && !wish.HasToken && !Server.Ports.Serves(wish.Family == AddressFamily.IPv4)
            && !(wish.WantsIPv6Too && Server.Ports.Serves(isIPv4: false)))
        {
            error = StunErrorCode.AddressFamilyNotSupported;
        }

        if (error != 0)
        {
            return RespondError(message, request, error);
        }

        if (Server.IsDraining)
        {
            return RespondDraining(message, request, settings);
        }

        error = TryMake(message, request, settings, wish, out Allocation allocation);
        return error == 0
            ? RespondAllocated(message, request, allocation, TurnCounter.AllocateSucceeded)
            : RespondError(message, request, error);
    }

    /// <summary>RFC 8489, 10: 300 with another server of the client's family; without one there is no room here.</summary>
    private TurnRoute RespondDraining(in StunReader message, in Request request, TurnSettings settings)
    {
        foreach (TransportAddress server in settings.AlternateServers)
        {
            if (server.IsIPv4 == request.Flow.Client.IsIPv4)
            {
                Counters.Increment(TurnCounter.RejectedTryAlternate);
                StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Error);
                writer.WriteErrorCode(StunErrorCode.TryAlternate);
                writer.WriteAddress(StunAttributeType.AlternateServer, server);
                return Finish(ref writer, message, request);
            }
        }

        return RespondError(message, request, StunErrorCode.InsufficientCapacity);
    }

    private TurnRoute RespondAllocated(in StunReader message, in Request request, Allocation allocation, TurnCounter outcome)
    {
        Counters.Increment(outcome);
        StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Success);
        writer.WriteXorAddress(StunAttributeType.XorRelayedAddress, allocation.Record.Relayed);
        if (allocation.Record.AdditionalRelayed != default)
        {
            writer.WriteXorAddress(StunAttributeType.XorRelayedAddress, allocation.Record.AdditionalRelayed);
        }

        writer.WriteUInt32(StunAttributeType.Lifetime, allocation.LifetimeSeconds);
        if (allocation.ReservationToken != 0)
        {
            writer.WriteUInt64(StunAttributeType.ReservationToken, allocation.ReservationToken);
        }

        if (allocation.MissingFamily != AddressFamily.None)
        {
            AddressFamilyAttribute.WriteError(ref writer, allocation.MissingFamily, allocation.MissingFamilyError);
        }

        WriteTicket(ref writer, allocation);
        writer.WriteXorAddress(StunAttributeType.XorMappedAddress, request.Flow.Client);
        return Finish(ref writer, message, request);
    }

    /// <summary>Charges, opens, and only then remembers; what fails gives back what it had.</summary>
    private StunErrorCode TryMake(in StunReader message, in Request request, TurnSettings settings, in AllocationWish wish, out Allocation allocation)
    {
        allocation = null!;
        CredentialKey key = request.Proof.Key;
        PortReservation? reservation = null;
        UserAccount account;
        if (wish.HasToken)
        {
            // RFC 8656, 7.2: a token that is not valid is 508. The reservation is charged already.
            if (!Server.Reservations.TryTake(wish.Token, key.User, out reservation))
            {
                return StunErrorCode.InsufficientCapacity;
            }

            account = reservation.Account;
        }
        else
        {
            QuotaResult quota = Server.Quotas.Charge(key.User, wish.Parity == PortParity.Pair ? 2 : 1, settings, out account);
            if (quota != QuotaResult.Charged)
            {
                return quota == QuotaResult.UserFull ? StunErrorCode.AllocationQuotaReached : StunErrorCode.InsufficientCapacity;
            }
        }

        allocation = NewAllocation(request, wish, account);
        if (!TryOpenRelays(allocation, wish, reservation))
        {
            Server.Quotas.Release(account);
            if (wish.Parity == PortParity.Pair)
            {
                Server.Quotas.Release(account);
            }

            return StunErrorCode.InsufficientCapacity;
        }

        allocation.Transaction = TransactionId.Of(message);
        allocation.LifetimeSeconds = GrantedLifetime(message, settings);
        if (wish.Parity == PortParity.Pair)
        {
            Reserve(allocation, request.Now);
        }

        if (wish.IsMobile)
        {
            GiveTicket(allocation);
        }

        Register(allocation, request.Now);
        return 0;
    }

    private Allocation NewAllocation(in Request request, in AllocationWish wish, UserAccount account)
    {
        CredentialKey key = request.Proof.Key;
        var record = new AllocationRecord(
            AllocationId.Create(Index, ++_allocationNumber),
            System.Text.Encoding.UTF8.GetString(key.Name),
            key.User,
            request.Flow,
            wish.Transport,
            request.Now);
        return new Allocation(record, key, account, request.Flow);
    }

    private void Register(Allocation allocation, Instant now)
    {
        _byFlow.Add(allocation.Flow, allocation);
        _byId.Add(allocation.Record.Id, allocation);
        Server.Directory.AddFlow(allocation.Flow, Index);
        Server.Directory.Add(allocation.Record);
        SetLifetime(allocation, allocation.LifetimeSeconds, now);
        Counters.Increment(TurnCounter.AllocationsCreated);
    }

    private void SetLifetime(Allocation allocation, uint seconds, Instant now)
    {
        allocation.Record.ExpiresAt = now + TimeSpan.FromSeconds(seconds);
        _wheel.Schedule(allocation.Timer, allocation.Record.ExpiresAt);
    }

    /// <summary>RFC 8656, 7.2: at least the default, at most what the operator allows.</summary>
    private static uint GrantedLifetime(in StunReader message, TurnSettings settings)
    {
        message.TryGetUInt32(StunAttributeType.Lifetime, out uint wanted);
        return Math.Min(Math.Max(wanted, DefaultLifetimeSeconds), (uint)settings.MaxLifetime.TotalSeconds);
    }

    /// <summary>Keeps the port above the allocation's own, whose bit, socket and charge are taken already.</summary>
    private void Reserve(Allocation allocation, Instant now)
    {
        PortReservation reservation;
        do
        {
            reservation = new PortReservation(Index, _entropy.NextUInt64() | 1, allocation.First.Lease.Upper, allocation.Account, allocation.HeldUpper!);
        }
        while (!Server.Reservations.TryAdd(reservation));
        allocation.HeldUpper = null;
        allocation.ReservationToken = reservation.Token;
        _wheel.Schedule(reservation.Timer, now + s_reservationLifetime);
    }

    private void EndReservation(PortReservation reservation)
    {
        // Whoever redeems it in time takes it out of the table.
        if (Server.Reservations.TryTake(reservation))
        {
            reservation.Held.Dispose();
            Server.Ports.Release(reservation.Lease);
            Server.Quotas.Release(reservation.Account);
        }
    }
}
