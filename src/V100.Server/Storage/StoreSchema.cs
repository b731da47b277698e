namespace V100.Server.Storage;

/// <summary>What the store's tables are. A new version of them is one more entry; what is there is never edited.</summary>
internal static class StoreSchema
{
    /// <summary>Each brings a database from the version before, in a transaction of its own; the first makes it.</summary>
    private static readonly string[] Migrations =
    [
        """
        -- What a participant used in an hour, which is its beginning in seconds of Unix time. Relayed bytes stand under the room "" and the name of the TURN user.
        CREATE TABLE usage (
            hour INTEGER NOT NULL,
            room TEXT NOT NULL,
            participant TEXT NOT NULL,
            participant_us INTEGER NOT NULL,
            track_us INTEGER NOT NULL,
            published_bytes INTEGER NOT NULL,
            delivered_bytes INTEGER NOT NULL,
            relayed_bytes INTEGER NOT NULL,
            PRIMARY KEY (hour, room, participant)) WITHOUT ROWID;

        -- Who did what with administrative rights. Rows are added, and leave by age and number alone. Times are milliseconds of Unix time.
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            key TEXT NOT NULL,
            subject TEXT NOT NULL,
            method TEXT NOT NULL,
            path TEXT NOT NULL,
            status INTEGER NOT NULL,
            remote TEXT NOT NULL);
        CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append only'); END;

        -- Events on their way to one URL each. state: 0 waits, 1 delivered, 2 given up.
        CREATE TABLE delivery (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            event TEXT NOT NULL,
            kind TEXT NOT NULL,
            room TEXT NOT NULL,
            url TEXT NOT NULL,
            at INTEGER NOT NULL,
            body BLOB NOT NULL,
            state INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0,
            attempted_at INTEGER,
            status INTEGER,
            error TEXT);
        CREATE INDEX delivery_waiting ON delivery (id) WHERE state = 0;
        """,
    ];

    private const string PresentVersion = "PRAGMA user_version";

    public static int Version => Migrations.Length;

    /// <exception cref="StoreException">The database is of a later version.</exception>
    public static void Migrate(Statements statements)
    {
        long present = statements.Whole(PresentVersion);
        if (present > Version)
        {
            throw new StoreException($"it was written by a later version of V100 (its schema is {present}, this version knows {Version}), which must be run on it");
        }

        for (int version = (int)present; version < Version; version++)
        {
            statements.Run("BEGIN IMMEDIATE");

            // Another process may have done it while this one waited.
            if (statements.Whole(PresentVersion) == version)
            {
                statements.Run(Migrations[version]);
                statements.Run($"PRAGMA user_version = {version + 1}");
            }

            statements.Run("COMMIT");
        }
    }
}
