namespace V100.Load;

/// <summary>What a run of <see cref="PublishAndPlay"/> found: packets were sent by the publishers and received by all subscribers.</summary>
internal sealed record PublishAndPlayResult : TrafficResult
{
    public required int Rooms { get; init; }
    public required int Publishers { get; init; }
    public required int Subscribers { get; init; }
    public required int PacketBytes { get; init; }
    public double? ServerUsPerForwardedPacket { get; init; }
    public double? ServerKibibytesPerSubscriber { get; init; }

    public override string ToString() =>
        Describe(
            $"{Rooms} rooms, {Publishers} publishers, {Subscribers} subscribers, {PacketBytes} B, {Seconds:0.0} s",
            saturates: false, ServerUsPerForwardedPacket, "forwarded packet")
        .LineIf(ServerKibibytesPerSubscriber is not null, $"server {ServerKibibytesPerSubscriber:0} KiB resident per subscriber")
        .ToString();
}
