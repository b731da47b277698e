namespace V100.Load;

/// <summary>What allocations that are held and refreshed found. Null where no --server-pid was given.</summary>
internal sealed record TurnHoldResult
{
    /// <summary>Alive at a time.</summary>
    public required int Allocations { get; init; }

    /// <summary>A challenge and an Allocate each.</summary>
    public required double OpenedPerSecond { get; init; }
    public required double ClosedPerSecond { get; init; }

    /// <summary>Those whose end the server did not confirm.</summary>
    public required int NotClosed { get; init; }
    public required long Refreshes { get; init; }

    /// <summary>Refreshes that were refused or not answered, or that could not be sent since the one before was not.</summary>
    public required long Failures { get; init; }
    public required string LastFailure { get; init; }

    /// <summary>What was asked for.</summary>
    public required int RefreshesPerSecond { get; init; }

    /// <summary>From when the request was due to this program's turn with its answer.</summary>
    public required double RefreshP50Us { get; init; }
    public required double RefreshP99Us { get; init; }
    public required double RefreshP999Us { get; init; }

    /// <summary>Of the process, with all allocations alive.</summary>
    public long? ServerResidentKibibytes { get; init; }
    public double? ServerKibibytesPerAllocation { get; init; }

    public override string ToString() => new ResultText()
        .Line($"{Allocations:N0} allocations alive, made at {OpenedPerSecond:N0}/s, deleted at {ClosedPerSecond:N0}/s, {NotClosed} without an answer")
        .Line($"{Refreshes:N0} refreshes at {RefreshesPerSecond:N0}/s, {Failures} failures {LastFailure}")
        .Latency("refresh", RefreshP50Us, RefreshP99Us, RefreshP999Us)
        .LineIf(ServerResidentKibibytes is not null, $"server {ServerResidentKibibytes / 1024.0:0.0} MiB resident, {ServerKibibytesPerAllocation:0.00} KiB for each")
        .ToString();
}
