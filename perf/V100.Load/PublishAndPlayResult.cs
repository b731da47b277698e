using System.Globalization;
using System.Text;

namespace V100.Load;

/// <summary>What a run of <see cref="PublishAndPlay"/> found. Names carry the units; null where no --server-pid was given.</summary>
internal sealed record PublishAndPlayResult
{
    public required int Rooms { get; init; }
    public required int Publishers { get; init; }
    public required int Subscribers { get; init; }
    public required int PacketBytes { get; init; }
    public required double Seconds { get; init; }

    /// <summary>By the publishers.</summary>
    public required long PacketsSent { get; init; }

    /// <summary>By all subscribers, of those.</summary>
    public required long PacketsReceived { get; init; }
    public required long PacketsLost { get; init; }
    public required double ReceivedPerSecond { get; init; }

    /// <summary>From the publisher's stamp to the subscriber's turn: both kernels' ways, the server, and this program's own wait.</summary>
    public required double LatencyP50Us { get; init; }
    public required double LatencyP99Us { get; init; }
    public required double LatencyP999Us { get; init; }

    /// <summary>Of this program's own thread, in percent of a core: near 100 it measures itself.</summary>
    public required double GeneratorPercent { get; init; }

    /// <summary>Turns of the publishers' schedule that this program was too late for.</summary>
    public required long SkippedTurns { get; init; }

    /// <summary>Packets that this program's sockets refused to send, in its whole run.</summary>
    public required long SendsDropped { get; init; }

    public double? ServerUsPerForwardedPacket { get; init; }
    public double? ServerPercent { get; init; }
    public double? ServerKibibytesPerSubscriber { get; init; }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Rooms} rooms, {Publishers} publishers, {Subscribers} subscribers, {PacketBytes} B, {Seconds:0.0} s");
        text.AppendLine(CultureInfo.InvariantCulture, $"sent {PacketsSent:N0}, received {PacketsReceived:N0} ({ReceivedPerSecond:N0}/s), lost {PacketsLost:N0}");
        text.AppendLine(CultureInfo.InvariantCulture, $"latency p50 {LatencyP50Us:N0} us, p99 {LatencyP99Us:N0} us, p99.9 {LatencyP999Us:N0} us");
        text.AppendLine(CultureInfo.InvariantCulture, $"generator {GeneratorPercent:0} % of a core, {SkippedTurns} turns skipped, {SendsDropped} sends dropped");
        if (GeneratorPercent > 90 || SkippedTurns > 0 || SendsDropped > 0)
        {
            text.AppendLine("The generator was too busy: loss and latency are partly its own.");
        }

        if (ServerUsPerForwardedPacket is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"server {ServerUsPerForwardedPacket:0.00} us of CPU per forwarded packet, {ServerPercent:0} % of a core");
            text.AppendLine(CultureInfo.InvariantCulture, $"server {ServerKibibytesPerSubscriber:0} KiB resident per subscriber");
        }

        return text.ToString().TrimEnd();
    }
}
