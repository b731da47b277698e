using System.Collections.Concurrent;
using V100.Net;

namespace V100.Turn;

/// <summary>
/// Counts allocations in total and for each user, over all shards. What is charged stays charged until the last socket is closed or
/// the reservation is gone. Any thread may call it; on the packet path there is one compare and swap, and none without a rate.
/// </summary>
public sealed class TurnQuotas
{
    /// <summary>How much a user may be ahead of his rate.</summary>
    public static readonly TimeSpan Burst = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, UserAccount> _accounts = new(StringComparer.Ordinal);
    private int _total;

    /// <summary>Allocations and reserved ports that are charged now.</summary>
    public int Total => Volatile.Read(ref _total);

    /// <summary>Users with at least one.</summary>
    public int Users => _accounts.Count;

    /// <summary>What one user has now.</summary>
    public int ChargedTo(string user) => _accounts.TryGetValue(user, out UserAccount? account) ? Math.Max(0, account.Charges) : 0;

    /// <summary>Charges a number of units, or nothing. Once for each success comes a <see cref="Release"/> for each unit.</summary>
    internal QuotaResult Charge(string user, int units, TurnSettings limits, out UserAccount account)
    {
        account = null!;
        if (Interlocked.Add(ref _total, units) > limits.MaxAllocations)
        {
            Interlocked.Add(ref _total, -units);
            return QuotaResult.ServerFull;
        }

        while (true)
        {
            account = _accounts.GetOrAdd(user, static name => new UserAccount(name));
            switch (account.TryCharge(units, limits.MaxAllocationsPerUser))
            {
                case UserAccount.ChargeResult.Charged:
                    return QuotaResult.Charged;
                case UserAccount.ChargeResult.TooMany:
                    Interlocked.Add(ref _total, -units);
                    CloseIfEmpty(account);
                    return QuotaResult.UserFull;
            }
        }
    }

    internal void Release(UserAccount account)
    {
        Interlocked.Decrement(ref _total);
        account.Release();
        CloseIfEmpty(account);
    }

    private void CloseIfEmpty(UserAccount account)
    {
        if (account.TryClose())
        {
            _accounts.TryRemove(new KeyValuePair<string, UserAccount>(account.User, account));
        }
    }
}

internal enum QuotaResult : byte
{
    Charged,

    /// <summary>486.</summary>
    UserFull,

    /// <summary>508.</summary>
    ServerFull,
}

/// <summary>One user's charges and rate. It exists while something is charged to it.</summary>
internal sealed class UserAccount(string user)
{
    private const int Closed = -1;

    private int _charges;
    private long _rateUsedUntil;

    public enum ChargeResult
    {
        Charged,
        TooMany,

        /// <summary>It has just been removed from the table: take a new one.</summary>
        Gone,
    }

    public string User { get; } = user;

    public int Charges => Volatile.Read(ref _charges);

    public Instant RateUsedUntil => new(Volatile.Read(ref _rateUsedUntil));

    public ChargeResult TryCharge(int units, int limit)
    {
        while (true)
        {
            int charges = Volatile.Read(ref _charges);
            if (charges == Closed)
            {
                return ChargeResult.Gone;
            }

            if (charges + units > limit)
            {
                return ChargeResult.TooMany;
            }

            if (Interlocked.CompareExchange(ref _charges, charges + units, charges) == charges)
            {
                return ChargeResult.Charged;
            }
        }
    }

    public void Release() => Interlocked.Decrement(ref _charges);

    /// <summary>True for the one caller that closes an account without charges.</summary>
    public bool TryClose() => Interlocked.CompareExchange(ref _charges, Closed, 0) == 0;

    /// <summary>Whether the rate has room for so many bytes; then they are used.</summary>
    public bool TryUse(int bytes, long bitsPerSecond, Instant now)
    {
        if (bitsPerSecond == 0)
        {
            return true;
        }

        // The generic cell rate algorithm (ITU-T I.371): one word says until when the rate is used up.
        long cost = CostOf(bytes, bitsPerSecond);
        while (true)
        {
            long until = Volatile.Read(ref _rateUsedUntil);
            long next = Math.Max(until, now.Nanoseconds) + cost;
            if (next - now.Nanoseconds > TurnQuotas.Burst.Ticks * 100)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _rateUsedUntil, next, until) == until)
            {
                return true;
            }
        }
    }

    /// <summary>Uses so many bytes of the rate, room or not.</summary>
    public void Use(int bytes, long bitsPerSecond, Instant now)
    {
        if (bitsPerSecond == 0)
        {
            return;
        }

        long cost = CostOf(bytes, bitsPerSecond);
        long until;
        long next;
        do
        {
            until = Volatile.Read(ref _rateUsedUntil);
            next = Math.Max(until, now.Nanoseconds) + cost;
        }
        while (Interlocked.CompareExchange(ref _rateUsedUntil, next, until) != until);
    }

    private static long CostOf(int bytes, long bitsPerSecond) => (long)((ulong)bytes * 8_000_000_000 / (ulong)bitsPerSecond);
}
