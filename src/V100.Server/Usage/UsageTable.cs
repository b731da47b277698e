using V100.Server.Control;
using V100.Server.Storage;

namespace V100.Server.Usage;

/// <summary>The amounts in the store.</summary>
internal static class UsageTable
{
    private const string AddAmount = """
        INSERT INTO usage (hour, room, participant, participant_us, track_us, published_bytes, delivered_bytes, relayed_bytes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO UPDATE SET
            participant_us = participant_us + excluded.participant_us,
            track_us = track_us + excluded.track_us,
            published_bytes = published_bytes + excluded.published_bytes,
            delivered_bytes = delivered_bytes + excluded.delivered_bytes,
            relayed_bytes = relayed_bytes + excluded.relayed_bytes
        """;

    private const string Sum = """
        SELECT room, participant, SUM(participant_us), SUM(track_us), SUM(published_bytes), SUM(delivered_bytes), SUM(relayed_bytes)
        FROM usage
        WHERE hour >= $1 AND hour < $2 AND ($3 IS NULL OR room = $3) AND ($4 IS NULL OR (room, participant) > ($4, $5))
        GROUP BY room, participant ORDER BY room, participant LIMIT $6
        """;

    private const double UsPerSecond = 1e6;

    public static void Add(Statements statements, Dictionary<UsageKey, UsageAmount> amounts)
    {
        RepeatedStatement add = statements.Repeated(AddAmount);
        foreach ((UsageKey key, UsageAmount amount) in amounts)
        {
            add.Bind(1, key.Hour);
            add.Bind(2, key.Room);
            add.Bind(3, key.Participant);
            add.Bind(4, amount.ParticipantUs);
            add.Bind(5, amount.TrackUs);
            add.Bind(6, amount.PublishedBytes);
            add.Bind(7, amount.DeliveredBytes);
            add.Bind(8, amount.RelayedBytes);
            add.Run();
        }
    }

    public static void Prune(Statements statements, long before) => statements.Run("DELETE FROM usage WHERE hour < $1", before);

    /// <summary>One page, in the order of rooms and participants.</summary>
    /// <param name="statements">Where to read.</param>
    /// <param name="from">The first hour, in seconds of Unix time.</param>
    /// <param name="to">The first hour that is not in it any more.</param>
    /// <param name="room">Only this one; null for all, and for what TURN relayed.</param>
    /// <param name="after">The room and the participant after whom it begins; null for the first page.</param>
    /// <param name="limit">Rows at most.</param>
    public static List<UsageView> Read(Statements statements, long from, long to, string? room, (string Room, string Participant)? after, int limit) =>
        statements.Rows(
            Sum,
            row => new UsageView(
                row.GetString(0), row.GetString(1), row.GetInt64(2) / UsPerSecond, row.GetInt64(3) / UsPerSecond,
                row.GetInt64(4), row.GetInt64(5), row.GetInt64(6)),
            from, to, room, after?.Room, after?.Participant, limit);
}
