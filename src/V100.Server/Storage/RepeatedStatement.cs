using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace V100.Server.Storage;

/// <summary>
/// A statement that runs many times a second: it goes to SQLite as it is, since a command and its parameters allocate about a kilobyte each time. Bind every parameter, then
/// <see cref="Run"/>. Not thread-safe.
/// </summary>
internal sealed class RepeatedStatement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;

    /// <exception cref="SqliteException">SQLite does not understand it.</exception>
    public RepeatedStatement(SqliteConnection connection, string sql)
    {
        _database = connection.Handle!;
        SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v2(_database, sql, out _statement), _database);
    }

    /// <param name="index">Of the parameter, from 1.</param>
    /// <param name="value">What it stands for.</param>
    public void Bind(int index, long value) => SqliteException.ThrowExceptionForRC(raw.sqlite3_bind_int64(_statement, index, value), _database);

    /// <param name="index">Of the parameter, from 1.</param>
    /// <param name="value">What it stands for; SQLite copies it.</param>
    public void Bind(int index, string value)
    {
        Span<byte> utf8 = stackalloc byte[512];
        int length = Encoding.UTF8.TryGetBytes(value, utf8, out int written) ? written : -1;
        SqliteException.ThrowExceptionForRC(
            length < 0 ? raw.sqlite3_bind_text(_statement, index, value) : raw.sqlite3_bind_text(_statement, index, utf8[..length]), _database);
    }

    /// <exception cref="SqliteException">It could not be run.</exception>
    public void Run()
    {
        int result = raw.sqlite3_step(_statement);

        // The reset gives the same error once more, and makes the statement fit for the next try.
        _ = raw.sqlite3_reset(_statement);
        SqliteException.ThrowExceptionForRC(result == raw.SQLITE_DONE ? raw.SQLITE_OK : result, _database);
    }

    public void Dispose() => _statement.Dispose();
}
