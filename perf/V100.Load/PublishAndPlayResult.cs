namespace V100.Load;

/// <summary>What a run of <see cref="PublishAndPlay"/> found: packets were sent by the publishers and received by all subscribers.</summary>
internal sealed record PublishAndPlayResult : TrafficResult
{
    public required int Rooms { get; init; }
    public required int Publishers { get; init; }
    public required int Subscribers { get; init; }
    public required string Shape { get; init; }
    public required string Feedback { get; init; }
    public required bool Holds { get; init; }

    /// <summary>Of a packet of video, the largest, before SRTP.</summary>
    public required int PacketBytes { get; init; }
    public required double LatencyMaxUs { get; init; }

    /// <summary>Of those received, how many came only when they were asked for.</summary>
    public required long PacketsRepaired { get; init; }

    /// <summary>Packets that subscribers asked for, times that they did.</summary>
    public required long Nacks { get; init; }
    public required long KeyframeRequests { get; init; }

    /// <summary>What publishers sent again because the server asked.</summary>
    public required long PublisherRetransmissions { get; init; }

    /// <summary>From a subscriber's offer to its keys.</summary>
    public required double ConnectP50Ms { get; init; }
    public required double ConnectP99Ms { get; init; }

    /// <summary>From a subscriber's offer to its first packet; 0 where publishers send nothing.</summary>
    public required double PlayP50Ms { get; init; }
    public required double PlayP99Ms { get; init; }

    public double? ServerUsPerForwardedPacket { get; init; }
    public double? ServerKibibytesPerSubscriber { get; init; }

    /// <summary>Resident, before the subscribers came and at the end.</summary>
    public long? ServerKibibytesBefore { get; init; }
    public long? ServerKibibytesAfter { get; init; }

    /// <summary>The server's busiest threads, by their names, the busiest first.</summary>
    public ThreadLoad[]? ServerThreads { get; init; }

    public override string ToString() =>
        Describe(
            $"{Rooms} rooms, {Publishers} publishers, {Subscribers} subscribers, {Shape}, feedback {Feedback}, {PacketBytes} B, {Seconds:0.0} s",
            saturates: false, ServerUsPerForwardedPacket, "forwarded packet")
        .Line($"latency max {LatencyMaxUs:N0} us; repaired {PacketsRepaired:N0}, asked for {Nacks:N0}, keyframes asked for {KeyframeRequests:N0}, sent again by publishers {PublisherRetransmissions:N0}")
        .Line($"connected after p50 {ConnectP50Ms:0} ms, p99 {ConnectP99Ms:0} ms; first packet after p50 {PlayP50Ms:0} ms, p99 {PlayP99Ms:0} ms")
        .LineIf(ServerThreads is not null, $"server threads {string.Join(", ", ServerThreads ?? [])}")
        .LineIf(ServerKibibytesPerSubscriber is not null, $"server {ServerKibibytesPerSubscriber:0} KiB resident per subscriber")
        .ToString();
}
