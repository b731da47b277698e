using System.Globalization;
using System.Text;

namespace V100.Load;

/// <summary>What packets through a TURN server found. Names carry the units; null where no --server-pid was given.</summary>
internal sealed record TurnLoadResult
{
    public required string Mode { get; init; }
    public required string Direction { get; init; }
    public required int Allocations { get; init; }
    public required int PayloadBytes { get; init; }
    public required int Burst { get; init; }

    /// <summary>What was asked for, in packets per second; 0 for saturation.</summary>
    public required int Rate { get; init; }
    public required double Seconds { get; init; }
    public required long PacketsSent { get; init; }
    public required long PacketsReceived { get; init; }
    public required long PacketsLost { get; init; }
    public required double ReceivedPerSecond { get; init; }

    /// <summary>From the sender's stamp to the receiver's turn. At saturation it is the length of the queue, and says nothing.</summary>
    public required double LatencyP50Us { get; init; }
    public required double LatencyP90Us { get; init; }
    public required double LatencyP99Us { get; init; }
    public required double LatencyP999Us { get; init; }
    public required double LatencyMaxUs { get; init; }

    /// <summary>Of the time, how much this program had something to do: near 100 it measures itself.</summary>
    public required double GeneratorPercent { get; init; }

    /// <summary>Turns of the schedule that this program was too late for.</summary>
    public required long SkippedTurns { get; init; }

    /// <summary>Packets that this program's sockets refused to send.</summary>
    public required long SendsDropped { get; init; }

    public double? ServerUsPerPacket { get; init; }
    public double? ServerPercent { get; init; }

    public override string ToString()
    {
        string rate = Rate == 0 ? "saturated" : string.Create(CultureInfo.InvariantCulture, $"{Rate:N0}/s");
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Mode} {Direction}, {Allocations} allocations, {PayloadBytes} B, bursts of {Burst}, {rate}, {Seconds:0.0} s");
        text.AppendLine(CultureInfo.InvariantCulture, $"sent {PacketsSent:N0}, received {PacketsReceived:N0} ({ReceivedPerSecond:N0}/s), lost {PacketsLost:N0}");
        text.AppendLine(CultureInfo.InvariantCulture, $"latency p50 {LatencyP50Us:N0} us, p90 {LatencyP90Us:N0} us, p99 {LatencyP99Us:N0} us, p99.9 {LatencyP999Us:N0} us, longest {LatencyMaxUs:N0} us");
        text.AppendLine(CultureInfo.InvariantCulture, $"generator busy {GeneratorPercent:0} % of the time, {SkippedTurns} turns skipped, {SendsDropped} sends dropped");
        if (ServerUsPerPacket is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"server {ServerUsPerPacket:0.00} us of CPU per relayed packet, {ServerPercent:0} % of a core");
        }

        return text.ToString().TrimEnd();
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

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Allocations:N0} allocations made and deleted in {Seconds:0.0} s ({AllocationsPerSecond:N0}/s), {Failures} failures {LastFailure}");
        if (ServerUsPerAllocation is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"server {ServerUsPerAllocation:0} us of CPU per allocation, {ServerPercent:0} % of a core, {ServerKibibytesPerAllocation:0.0} KiB resident for each");
        }

        return text.ToString().TrimEnd();
    }
}
