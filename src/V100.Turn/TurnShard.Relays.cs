using System.Diagnostics.CodeAnalysis;
using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>Opens and closes the relayed addresses of allocations.</summary>
public sealed partial class TurnShard
{
    // Ports that something else on this machine has are skipped, so many times.
    private const int MaxOpenAttempts = 16;

    /// <summary>
    /// Opens what the wish asks for. With two families, one of them is enough (RFC 8656, 7.2: ADDRESS-ERROR-CODE). On failure nothing is
    /// open and the reservation is gone, its charge not released.
    /// </summary>
    private bool TryOpenRelays(Allocation allocation, in AllocationWish wish, PortReservation? reservation)
    {
        Relay? first = reservation is not null
            ? TryAdopt(allocation, reservation)
            : TryOpenAny(allocation, wish.Family, wish.Transport, wish.Parity);
        Relay? second = wish.WantsIPv6Too ? TryOpenAny(allocation, AddressFamily.IPv6, wish.Transport, PortParity.Any) : null;
        if (wish.WantsIPv6Too && (first is null) != (second is null))
        {
            AddressFamily missing = first is null ? AddressFamily.IPv4 : AddressFamily.IPv6;
            allocation.MissingFamily = missing;
            allocation.MissingFamilyError = Server.Ports.Serves(missing == AddressFamily.IPv4)
                ? StunErrorCode.InsufficientCapacity
                : StunErrorCode.AddressFamilyNotSupported;
        }

        if ((first ?? second) is not { } main)
        {
            return false;
        }

        allocation.First = main;
        allocation.Record.Relayed = main.Relayed;
        if (first is not null && second is not null)
        {
            allocation.Second = second;
            allocation.Record.AdditionalRelayed = second.Relayed;
        }

        return true;
    }

    private Relay? TryOpenAny(Allocation allocation, AddressFamily family, RelayTransport transport, PortParity parity)
    {
        ReadOnlySpan<RelayAddress> addresses = Server.Ports.Addresses;
        int start = addresses.Length < 2 ? 0 : (int)(_entropy.NextUInt32() % (uint)addresses.Length);
        int attempts = 0;
        for (int i = 0; i < addresses.Length; i++)
        {
            int index = (start + i) % addresses.Length;
            if (addresses[index].Local.IsIPv4 != (family == AddressFamily.IPv4))
            {
                continue;
            }

            while (attempts < MaxOpenAttempts && Server.Ports.TryTake(index, transport, parity, _entropy, out PortLease lease))
            {
                attempts++;
                IDisposable? upper = null;
                if ((parity != PortParity.Pair || TryHold(lease.Upper, out upper)) && TryOpen(allocation, lease) is { } relay)
                {
                    allocation.HeldUpper = upper;
                    return relay;
                }

                upper?.Dispose();
                Server.Ports.Release(lease);
                if (parity == PortParity.Pair)
                {
                    Server.Ports.Release(lease.Upper);
                }
            }
        }

        return null;
    }

    private Relay? TryOpen(Allocation allocation, in PortLease lease)
    {
        RelayAddress address = Server.Ports.Addresses[lease.AddressIndex];
        if (!_relays.TryReserve(out RelayId id))
        {
            return null;
        }

        if (!_sockets.TryOpen(id, address.Local.WithPort(lease.Port), lease.Transport))
        {
            _relays.Free(id);
            return null;
        }

        return AddRelay(allocation, id, lease);
    }

    /// <summary>RFC 8656, 7.2: the reserved port must be had by whoever shows its token, so its socket has been there since.</summary>
    private bool TryHold(in PortLease lease, [NotNullWhen(true)] out IDisposable? held)
    {
        held = _sockets.TryHold(Server.Ports.Addresses[lease.AddressIndex].Local.WithPort(lease.Port));
        return held is not null;
    }

    private Relay? TryAdopt(Allocation allocation, PortReservation reservation)
    {
        if (!_relays.TryReserve(out RelayId id))
        {
            reservation.Held.Dispose();
            Server.Ports.Release(reservation.Lease);
            return null;
        }

        if (!_sockets.TryAdopt(id, reservation.Held))
        {
            _relays.Free(id);
            Server.Ports.Release(reservation.Lease);
            return null;
        }

        return AddRelay(allocation, id, reservation.Lease);
    }

    private Relay AddRelay(Allocation allocation, RelayId id, in PortLease lease)
    {
        RelayAddress address = Server.Ports.Addresses[lease.AddressIndex];
        var relay = new Relay(allocation, id, lease, address.Shown.WithPort(lease.Port));
        _relays.Set(id, relay);
        if (lease.Transport == RelayTransport.Udp)
        {
            Server.Directory.AddRelay(relay.Relayed, new RelayLocation(Index, id));
        }

        return relay;
    }

    private void CloseRelay(Relay relay)
    {
        if (relay.Lease.Transport == RelayTransport.Udp)
        {
            Server.Directory.RemoveRelay(relay.Relayed, new RelayLocation(Index, relay.Id));
        }

        _sockets.Close(relay.Id);
        _relays.Free(relay.Id);
        // Only now may somebody else have the port.
        Server.Ports.Release(relay.Lease);
    }
}
