namespace V100.Server.Usage;

/// <summary>Whom something is counted for, and when.</summary>
/// <param name="Hour">Its beginning, in seconds of Unix time.</param>
/// <param name="Room">Empty for what TURN relayed.</param>
/// <param name="Participant">The identity; of what TURN relayed the user.</param>
internal readonly record struct UsageKey(long Hour, string Room, string Participant);

/// <summary>What was used. Times in microseconds.</summary>
/// <param name="ParticipantUs">At least one session was connected.</param>
/// <param name="TrackUs">Of each published track, while its session was connected.</param>
/// <param name="PublishedBytes">RTP and RTCP that came from sessions that publish.</param>
/// <param name="DeliveredBytes">RTP and RTCP that went to sessions that play.</param>
/// <param name="RelayedBytes">Payload that TURN relayed, both ways.</param>
internal readonly record struct UsageAmount(
    long ParticipantUs = 0, long TrackUs = 0, long PublishedBytes = 0, long DeliveredBytes = 0, long RelayedBytes = 0)
{
    public static UsageAmount operator +(UsageAmount left, UsageAmount right) => new(
        left.ParticipantUs + right.ParticipantUs,
        left.TrackUs + right.TrackUs,
        left.PublishedBytes + right.PublishedBytes,
        left.DeliveredBytes + right.DeliveredBytes,
        left.RelayedBytes + right.RelayedBytes);
}
