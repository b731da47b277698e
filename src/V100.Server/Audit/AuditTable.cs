using V100.Server.Control;
using V100.Server.Storage;

namespace V100.Server.Audit;

/// <summary>The audit in the store.</summary>
internal static class AuditTable
{
    public static void Add(Statements statements, AuditView entry) => statements.Run(
        "INSERT INTO audit (at, key, subject, method, path, status, remote) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        entry.At.ToUnixTimeMilliseconds(), entry.Key, entry.Subject, entry.Method, entry.Path, entry.Status, entry.Remote);

    /// <summary>One page, the last ones first.</summary>
    /// <param name="statements">Where to read.</param>
    /// <param name="from">The earliest, in milliseconds of Unix time.</param>
    /// <param name="to">The first moment that is not in it any more.</param>
    /// <param name="before">Ids from here on are not in it.</param>
    /// <param name="limit">Entries at most.</param>
    public static List<AuditView> Read(Statements statements, long from, long to, long before, int limit) => statements.Rows(
        "SELECT id, at, key, subject, method, path, status, remote FROM audit WHERE id < $1 AND at >= $2 AND at < $3 ORDER BY id DESC LIMIT $4",
        row => new AuditView(
            row.GetInt64(0), DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(1)), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5),
            row.GetInt32(6), row.GetString(7)),
        before, from, to, limit);

    /// <summary>Lets go of the oldest, where they are older or more than they may be.</summary>
    public static void Prune(Statements statements, long before, long kept, int atATime) => statements.Run(
        """
        DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT $1)
        AND (at < $2 OR id <= (SELECT MAX(id) FROM audit) - $3)
        """,
        atATime, before, kept);
}
