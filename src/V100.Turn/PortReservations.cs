using System.Collections.Concurrent;
using V100.Net;

namespace V100.Turn;

/// <summary>
/// The upper port of a pair, bound and kept for whoever shows the token (RFC 8656, 7.2: RESERVATION-TOKEN), and charged to its user.
/// </summary>
internal sealed class PortReservation
{
    public PortReservation(int shard, ulong token, PortLease lease, UserAccount account, IDisposable held)
    {
        Shard = shard;
        Token = token;
        Lease = lease;
        Account = account;
        Held = held;
        Timer = new TimerNode(this);
    }

    /// <summary>Who made it, and ends it.</summary>
    public int Shard { get; }

    public ulong Token { get; }
    public PortLease Lease { get; }
    public UserAccount Account { get; }

    /// <summary>Its socket (<see cref="IRelaySockets.TryHold"/>).</summary>
    public IDisposable Held { get; }

    /// <summary>On the wheel of the shard that made it.</summary>
    public TimerNode Timer { get; }
}

/// <summary>
/// Reserved ports of all shards: the second allocation of a pair comes from another client port, so perhaps to another shard. Bounded
/// by the quotas. Whoever takes a reservation out owns its port, its socket and its charge.
/// </summary>
internal sealed class PortReservations
{
    private readonly ConcurrentDictionary<ulong, PortReservation> _byToken = new();

    public int Count => _byToken.Count;

    public ICollection<PortReservation> All => _byToken.Values;

    public bool TryAdd(PortReservation reservation) => _byToken.TryAdd(reservation.Token, reservation);

    /// <summary>Takes out the reservation with this token, if it is this user's.</summary>
    public bool TryTake(ulong token, string user, out PortReservation reservation) =>
        _byToken.TryGetValue(token, out reservation!)
        && reservation.Account.User == user
        && TryTake(reservation);

    public bool TryTake(PortReservation reservation) =>
        _byToken.TryRemove(new KeyValuePair<ulong, PortReservation>(reservation.Token, reservation));
}
