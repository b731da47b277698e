namespace V100.Load;

/// <summary>What a load of packets found, whatever carried them. Names carry the units; null where no --server-pid was given.</summary>
internal abstract record TrafficResult
{
    private const double BusyPercent = 90;

    public required double Seconds { get; init; }
    public required long PacketsSent { get; init; }

    /// <summary>By all receivers, of those that were sent.</summary>
    public required long PacketsReceived { get; init; }
    public required long PacketsLost { get; init; }
    public required double ReceivedPerSecond { get; init; }

    /// <summary>
    /// From the sender's stamp to the receiver's turn: both kernels' ways, the server, and this program's own wait. At saturation it is the
    /// length of the queue, and says nothing.
    /// </summary>
    public required double LatencyP50Us { get; init; }
    public required double LatencyP95Us { get; init; }
    public required double LatencyP99Us { get; init; }
    public required double LatencyP999Us { get; init; }

    /// <summary>Of the time, how much this program had something to do: near 100 it measures itself.</summary>
    public required double GeneratorPercent { get; init; }

    /// <summary>Turns of the schedule that this program was too late for.</summary>
    public required long SkippedTurns { get; init; }

    /// <summary>Packets that this program's sockets refused to send.</summary>
    public required long SendsDropped { get; init; }

    public double? ServerPercent { get; init; }

    /// <summary>The lines that all have, behind a heading of what was done.</summary>
    /// <param name="heading">The first line.</param>
    /// <param name="saturates">The generator is meant to be busy.</param>
    /// <param name="serverUs">Of processor time, for each <paramref name="packet"/>.</param>
    /// <param name="packet">What the server's time is shared out to.</param>
    protected ResultText Describe(FormattableString heading, bool saturates, double? serverUs, string packet) => new ResultText()
        .Line(heading)
        .Line($"sent {PacketsSent:N0}, received {PacketsReceived:N0} ({ReceivedPerSecond:N0}/s), lost {PacketsLost:N0}")
        .Line($"latency p50 {LatencyP50Us:N0} us, p95 {LatencyP95Us:N0} us, p99 {LatencyP99Us:N0} us, p99.9 {LatencyP999Us:N0} us")
        .Line($"generator busy {GeneratorPercent:0} % of the time, {SkippedTurns} turns skipped, {SendsDropped} sends dropped")
        .LineIf(
            (GeneratorPercent > BusyPercent && !saturates) || SkippedTurns > 0 || SendsDropped > 0,
            $"The generator was too busy: loss and latency are partly its own.")
        .LineIf(serverUs is not null, $"server {serverUs:0.00} us of CPU per {packet}, {ServerPercent:0} % of a core");
}
