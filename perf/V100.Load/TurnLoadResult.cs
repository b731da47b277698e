using System.Globalization;

namespace V100.Load;

/// <summary>What packets through a TURN server found. Null where no --server-pid was given.</summary>
internal sealed record TurnLoadResult : TrafficResult
{
    public required string Mode { get; init; }
    public required string Direction { get; init; }
    public required int Allocations { get; init; }
    public required int PayloadBytes { get; init; }
    public required int Burst { get; init; }

    /// <summary>What was asked for, in packets per second; 0 for saturation.</summary>
    public required int Rate { get; init; }
    public required double LatencyP90Us { get; init; }
    public required double LatencyMaxUs { get; init; }
    public double? ServerUsPerPacket { get; init; }

    public override string ToString()
    {
        string rate = Rate == 0 ? "saturated" : string.Create(CultureInfo.InvariantCulture, $"{Rate:N0}/s");
        return Describe(
                $"{Mode} {Direction}, {Allocations} allocations, {PayloadBytes} B, bursts of {Burst}, {rate}, {Seconds:0.0} s",
                saturates: Rate == 0, ServerUsPerPacket, "relayed packet")
            .Line($"latency p90 {LatencyP90Us:N0} us, longest {LatencyMaxUs:N0} us").ToString();
    }
}

/// <summary>What making and deleting allocations found. Null where no --server-pid was given.</summary>
internal sealed record AllocationLoadResult
{
    public required int Clients { get; init; }
    public required double Seconds { get; init; }

    /// <summary>Each the whole way: challenged, made, a channel bound or a permission created, deleted.</summary>
    public required long Allocations { get; init; }
    public required long Failures { get; init; }
    public required string LastFailure { get; init; }
    public required double AllocationsPerSecond { get; init; }
    public double? ServerUsPerAllocation { get; init; }
    public double? ServerPercent { get; init; }

    /// <summary>Resident, for each allocation that stays.</summary>
    public double? ServerKibibytesPerAllocation { get; init; }

    public override string ToString() => new ResultText()
        .Line($"{Allocations:N0} allocations made and deleted in {Seconds:0.0} s ({AllocationsPerSecond:N0}/s), {Failures} failures {LastFailure}")
        .LineIf(ServerUsPerAllocation is not null, $"server {ServerUsPerAllocation:0} us of CPU per allocation, {ServerPercent:0} % of a core, {ServerKibibytesPerAllocation:0.0} KiB resident for each")
        .ToString();
}
