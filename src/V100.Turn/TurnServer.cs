using V100.Net;

namespace V100.Turn;

/// <summary>
/// What the shards of one process share: immutable snapshots, atomics, and tables whose reads take no lock. Any thread may call it.
/// </summary>
public sealed class TurnServer
{
    /// <summary>So that a shard's number fits into a CONNECTION-ID (RFC 6062).</summary>
    public const int MaxShards = 256;

    private TurnSettings _settings;
    private long _unixOffsetSeconds;
    private bool _draining;

    /// <param name="settings">What the operator wants.</param>
    /// <param name="shardCount">How many shards there are; their indices are below it.</param>
    /// <param name="entropy">For the nonces' keys.</param>
    /// <param name="unixSeconds">The wall clock at <paramref name="now"/>.</param>
    /// <param name="now">The time.</param>
    public TurnServer(TurnSettings settings, int shardCount, IEntropy entropy, long unixSeconds, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shardCount, MaxShards);
        ShardCount = shardCount;
        _settings = settings;
        Nonces = new TurnNonces(entropy, settings.NonceLifetime, now);
        Ports = new RelayPorts(settings.RelayAddresses, settings.RelayPortMin, settings.RelayPortMax);
        SetWallClock(unixSeconds, now);
    }

    public int ShardCount { get; }

    /// <summary>What is in force now.</summary>
    public TurnSettings Settings => Volatile.Read(ref _settings);

    public TurnNonces Nonces { get; }
    public TurnQuotas Quotas { get; } = new();
    public TurnDirectory Directory { get; } = new();
    public RelayPorts Ports { get; }
    internal PortReservations Reservations { get; } = new();

    /// <summary>
    /// Puts new settings in force: from the next packet on for peers, from the next request on for all else. Allocations whose
    /// credentials are no longer valid live until their next Refresh.
    /// </summary>
    public void Apply(TurnSettings settings) => Volatile.Write(ref _settings, settings);

    /// <summary>While it is set, new allocations are refused: 300 with an alternate server, else 508.</summary>
    public bool IsDraining
    {
        get => Volatile.Read(ref _draining);
        set => Volatile.Write(ref _draining, value);
    }

    /// <summary>
    /// Says what the wall clock shows, on which time-limited credentials expire. To be repeated now and then, since that clock may be
    /// set.
    /// </summary>
    public void SetWallClock(long unixSeconds, Instant now) => Volatile.Write(ref _unixOffsetSeconds, unixSeconds - now.Nanoseconds / 1_000_000_000);

    /// <summary>Unix time.</summary>
    public long UnixSeconds(Instant now) => Volatile.Read(ref _unixOffsetSeconds) + now.Nanoseconds / 1_000_000_000;
}
