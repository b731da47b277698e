using Microsoft.Data.Sqlite;

namespace V100.Server.Storage;

/// <summary>Prepared statements of one connection, made once each. Not thread-safe.</summary>
internal sealed class Statements(SqliteConnection connection) : IDisposable
{
    private readonly Dictionary<string, SqliteCommand> _prepared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RepeatedStatement> _repeated = new(StringComparer.Ordinal);

    /// <param name="sql">With parameters <c>$1</c>, <c>$2</c> and so on. The text is the key of the prepared statement, so it must not hold values.</param>
    /// <param name="values">In the order of the parameters; null for NULL.</param>
    public int Run(string sql, params ReadOnlySpan<object?> values) => Prepare(sql, values).ExecuteNonQuery();

    /// <summary>The first column of the first row.</summary>
    public long Whole(string sql, params ReadOnlySpan<object?> values) => Prepare(sql, values).ExecuteScalar() is long value ? value : 0;

    public List<T> Rows<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        using SqliteDataReader reader = Prepare(sql, values).ExecuteReader();
        List<T> rows = [];
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <param name="sql">As that of <see cref="Run"/>, which returns no rows.</param>
    public RepeatedStatement Repeated(string sql)
    {
        if (!_repeated.TryGetValue(sql, out RepeatedStatement? statement))
        {
            _repeated.Add(sql, statement = new RepeatedStatement(connection, sql));
        }

        return statement;
    }

    public void Dispose()
    {
        foreach (RepeatedStatement statement in _repeated.Values)
        {
            statement.Dispose();
        }

        foreach (SqliteCommand command in _prepared.Values)
        {
            command.Dispose();
        }
    }

    private SqliteCommand Prepare(string sql, ReadOnlySpan<object?> values)
    {
        if (!_prepared.TryGetValue(sql, out SqliteCommand? command))
        {
            command = connection.CreateCommand();
#pragma warning disable CA2100 // The texts are constants of this program; values are parameters.
            command.CommandText = sql;
#pragma warning restore CA2100
            for (int index = 1; index <= values.Length; index++)
            {
                command.Parameters.Add(new SqliteParameter { ParameterName = $"${index}" });
            }

            _prepared.Add(sql, command);
        }

        for (int index = 0; index < values.Length; index++)
        {
            command.Parameters[index].Value = values[index] ?? DBNull.Value;
        }

        return command;
    }
}
