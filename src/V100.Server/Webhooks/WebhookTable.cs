using V100.Server.Control;
using V100.Server.Storage;

namespace V100.Server.Webhooks;

/// <summary>How far a delivery is. The numbers stand in the store.</summary>
internal enum DeliveryState
{
    Waiting = 0,
    Delivered = 1,
    GivenUp = 2,
}

/// <summary>One event on its way to one URL.</summary>
/// <param name="Id">Its place in the order of all.</param>
/// <param name="Room">Order holds within it; empty for events of no room.</param>
/// <param name="Url">Where to.</param>
/// <param name="At">When it happened.</param>
/// <param name="FormerAttempts">Those of a former process.</param>
internal sealed record Delivery(long Id, string Room, string Url, DateTimeOffset At, int FormerAttempts = 0);

/// <summary>How an attempt went.</summary>
/// <param name="Status">The answer's; null where none came.</param>
/// <param name="Error">Null where it went well.</param>
internal readonly record struct AttemptResult(int? Status, string? Error)
{
    public bool IsDelivered => Error is null;
}

/// <summary>The deliveries in the store.</summary>
internal static class WebhookTable
{
    public static Delivery Add(Statements statements, WebhookBody body, byte[] bytes, string url)
    {
        statements.Run(
            "INSERT INTO delivery (event, kind, room, url, at, body) VALUES ($1, $2, $3, $4, $5, $6)",
            body.Id, body.Event, body.Room ?? "", url, body.At.ToUnixTimeMilliseconds(), bytes);
        return new Delivery(statements.Whole("SELECT last_insert_rowid()"), body.Room ?? "", url, body.At);
    }

    /// <summary>All that wait, in their order.</summary>
    public static List<Delivery> Waiting(Statements statements) => statements.Rows(
        "SELECT id, room, url, at, attempts FROM delivery WHERE state = 0 ORDER BY id",
        row => new Delivery(row.GetInt64(0), row.GetString(1), row.GetString(2), DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(3)), row.GetInt32(4)));

    /// <summary>Null where it is gone.</summary>
    public static byte[]? Body(Statements statements, long id) =>
        statements.Rows("SELECT body FROM delivery WHERE id = $1", row => (byte[])row.GetValue(0), id) is [byte[] body] ? body : null;

    public static void Update(Statements statements, long id, DeliveryState state, int attempts, AttemptResult result, DateTimeOffset at) => statements.Run(
        "UPDATE delivery SET state = $2, attempts = $3, attempted_at = $4, status = $5, error = $6 WHERE id = $1",
        id, (int)state, attempts, at.ToUnixTimeMilliseconds(), result.Status, result.Error);

    /// <summary>One page, the last ones first.</summary>
    public static List<DeliveryView> Read(Statements statements, long before, int limit) => statements.Rows(
        "SELECT id, event, kind, room, url, at, state, attempts, attempted_at, status, error FROM delivery WHERE id < $1 ORDER BY id DESC LIMIT $2",
        row => new DeliveryView(
            row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3) is { Length: > 0 } room ? room : null, Shown(row.GetString(4)),
            DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(5)),
            SnakeCase.Of(((DeliveryState)row.GetInt32(6)).ToString()), row.GetInt32(7),
            row.IsDBNull(8) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(8)),
            row.IsDBNull(9) ? null : row.GetInt32(9), row.IsDBNull(10) ? null : row.GetString(10)),
        before, limit);

    /// <summary>Lets go of what is done with, but for the last ones.</summary>
    public static void Prune(Statements statements, int kept, int atATime) => statements.Run(
        "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state <> 0 AND id <= (SELECT MAX(id) FROM delivery) - $1 ORDER BY id LIMIT $2)",
        kept, atATime);

    /// <summary>What stands in front of the host or behind the path of a URL is often a secret.</summary>
    public static string Shown(string url) => new Uri(url).GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
}
