using V100.Net;

namespace V100.Turn;

/// <summary>How allocations end: by their clients, by time, by command; and what is given back then.</summary>
public sealed partial class TurnShard
{
    public partial void HandleDeadline(Instant now)
    {
        while (_wheel.TryExpire(now, out TimerNode node))
        {
            switch (node.Owner)
            {
                case Allocation allocation:
                    Counters.Increment(TurnCounter.AllocationsExpired);
                    End(allocation);
                    break;
                case PeerConnection connection:
                    EndUnfinished(connection);
                    break;
                case PortReservation reservation:
                    EndReservation(reservation);
                    break;
            }
        }
    }

    public partial void HandleCommand(in TurnCommand command, Instant now)
    {
        if (command.Kind == TurnCommandKind.Delete && _byId.TryGetValue(command.Allocation, out Allocation? allocation))
        {
            Counters.Increment(TurnCounter.AllocationsDeleted);
            End(allocation);
        }
    }

    public partial TurnRoute HandleClientClosed(in ClientFlow flow, Instant now)
    {
        if (_dataConnections.TryGetValue(flow, out PeerConnection? connection))
        {
            Forget(connection);
            _outputs.Enqueue(new TurnOutput(TurnOutputKind.ClosePeer, default, connection.Id));
            return default;
        }

        if (!_byFlow.TryGetValue(flow, out Allocation? allocation))
        {
            return TryFindOwner(flow, out int owner) ? TurnRoute.HandOver(owner) : default;
        }

        if (allocation.Ticket.IsNone)
        {
            Counters.Increment(TurnCounter.AllocationsDeleted);
            End(allocation);
            return default;
        }

        // RFC 8016: that is what the ticket is for. Until the client is back, there is nowhere to send to.
        allocation.IsDetached = true;
        ForgetFlow(allocation);
        return default;
    }

    public partial void Close(Instant now)
    {
        foreach (Allocation allocation in (Allocation[])[.. _byId.Values])
        {
            Counters.Increment(TurnCounter.AllocationsDeleted);
            End(allocation);
        }

        foreach (PortReservation reservation in Server.Reservations.All)
        {
            if (reservation.Shard == Index)
            {
                _wheel.Cancel(reservation.Timer);
                EndReservation(reservation);
            }
        }
    }

    /// <summary>The final teardown: sockets, then ports, then the charge.</summary>
    private void End(Allocation allocation)
    {
        _wheel.Cancel(allocation.Timer);
        ForgetFlow(allocation);
        ForgetTicket(allocation.Ticket);
        ForgetTicket(allocation.PreviousTicket);
        _byId.Remove(allocation.Record.Id);
        EndConnections(allocation);
        CloseRelay(allocation.First);
        if (allocation.Second is { } second)
        {
            CloseRelay(second);
        }

        Server.Directory.Remove(allocation.Record);
        Server.Quotas.Release(allocation.Account);
    }

    private void ForgetFlow(Allocation allocation)
    {
        if (_byFlow.TryGetValue(allocation.Flow, out Allocation? found) && found == allocation)
        {
            _byFlow.Remove(allocation.Flow);
            Server.Directory.RemoveFlow(allocation.Flow, Index);
        }
    }
}
