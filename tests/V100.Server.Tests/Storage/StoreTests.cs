using Microsoft.Data.Sqlite;
using V100.Server.Storage;

namespace V100.Server.Tests.Storage;

/// <summary>What is committed stays, what fails holds up nothing else, and a start that cannot use the file says why.</summary>
public sealed class StoreTests
{
    private const string Insert = "INSERT INTO usage VALUES ($1, 'r', 'p', 1, 0, 0, 0, 0)";

    private readonly string _path = Path.Combine(TemporaryFolder.NewPath(), "deeper", "v100.db");

    [Fact]
    public async Task What_was_posted_is_there_after_the_next_start()
    {
        await using (Store store = new(_path))
        {
            for (int hour = 0; hour < 10_000; hour++)
            {
                Assert.True(store.TryPost(new Row(hour)));
            }
        }

        await using Store again = new(_path);
        Assert.Equal(10_000, await CountAsync(again));
    }

    [Fact]
    public async Task Folder_and_file_are_made_and_nobody_else_may_look_into_the_folder()
    {
        await using Store store = new(_path);
        Assert.True(File.Exists(_path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, new DirectoryInfo(Path.GetDirectoryName(_path)!).UnixFileMode);
    }

    [Fact]
    public async Task A_flush_waits_for_what_was_posted_before_and_its_writes_are_told()
    {
        await using Store store = new(_path);
        Row row = new(1);
        store.TryPost(row);
        await store.FlushAsync();
        Assert.Equal((1, 0), (row.Committed, row.Dropped));
        Assert.Equal(1, await CountAsync(store));
    }

    [Fact]
    public async Task A_write_that_fails_in_any_other_way_is_dropped_alone()
    {
        await using Store store = new(_path);
        store.TryPost(new Faulty());
        Row row = new(1);
        store.TryPost(row);
        await store.FlushAsync();
        Assert.Equal(1, row.Committed);
        Assert.Equal(1, await CountAsync(store));
    }

    [Fact]
    public async Task A_write_that_the_database_refuses_is_dropped_alone()
    {
        await using Store store = new(_path);
        using ManualResetEventSlim gate = new();
        store.TryPost(new Held(gate)); // So that all others stand in one batch.
        Row first = new(1);
        Row twice = new(1);
        Row last = new(2);
        store.TryPost(first);
        store.TryPost(twice);
        store.TryPost(last);
        Task flushed = store.FlushAsync();
        gate.Set();
        await flushed;
        Assert.Equal((1, 0), (first.Committed, first.Dropped));
        Assert.Equal((0, 1), (twice.Committed, twice.Dropped));
        Assert.Equal((1, 0), (last.Committed, last.Dropped));
        Assert.Equal(1, Value(store, "v100_store_dropped_total", "refused"));
        Assert.Equal(2, await CountAsync(store));
    }

    [Fact]
    public async Task A_full_queue_refuses_and_counts()
    {
        await using Store store = new(_path);
        using ManualResetEventSlim gate = new();
        Held held = new(gate);
        store.TryPost(held);
        held.Started.Wait();
        for (int index = 0; index < Store.QueueCapacity; index++)
        {
            Assert.True(store.TryPost(new Nothing()));
        }

        Assert.False(store.TryPost(new Nothing()));
        Assert.Equal(1, Value(store, "v100_store_dropped_total", "queue_full"));
        gate.Set();
    }

    [Fact]
    public async Task Reads_see_what_is_committed_while_a_transaction_is_open()
    {
        await using Store store = new(_path);
        store.TryPost(new Row(1));
        await store.FlushAsync();
        using ManualResetEventSlim gate = new();
        Held held = new(gate);
        store.TryPost(held);
        held.Started.Wait();
        Assert.Equal(1, await CountAsync(store));
        gate.Set();
    }

    [Fact]
    public async Task A_second_process_may_use_the_file_too_and_knows_that_it_is_not_alone()
    {
        await using Store store = new(_path);
        await using Store second = new(_path);
        Assert.True(store.IsAlone);
        Assert.False(second.IsAlone);
        store.TryPost(new Row(1));
        second.TryPost(new Row(2));
        await Task.WhenAll(store.FlushAsync(), second.FlushAsync());
        Assert.Equal(2, await CountAsync(store));
    }

    [Fact]
    public void A_file_that_is_no_database_is_named_with_the_way_out()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        File.WriteAllText(_path, string.Join('\n', Enumerable.Repeat("not a database at all", 1000)));
        string message = Assert.Throws<StoreException>(() => new Store(_path)).Message;
        Assert.StartsWith($"V100:Store:Path = \"{_path}\": ", message);
        Assert.Contains("not a database", message);
        Assert.Contains("Move it away", message);
    }

    [Fact]
    public async Task A_damaged_database_is_named_with_the_way_out()
    {
        await using (Store store = new(_path))
        {
            for (int hour = 0; hour < 5000; hour++)
            {
                store.TryPost(new Row(hour));
            }
        }

        byte[] bytes = File.ReadAllBytes(_path);
        bytes.AsSpan(bytes.Length / 2, 8192).Fill(0x5A);
        File.WriteAllBytes(_path, bytes);
        Assert.Contains("Move it away", Assert.Throws<StoreException>(() => new Store(_path)).Message);
    }

    [Fact]
    public async Task A_database_of_a_later_version_is_left_alone()
    {
        await using (Store store = new(_path))
        {
            store.TryPost(new Row(1));
        }

        using (SqliteConnection connection = new($"Data Source={_path};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 99";
            command.ExecuteNonQuery();
        }

        Assert.Contains("its schema is 99", Assert.Throws<StoreException>(() => new Store(_path)).Message);
    }

    [Fact]
    public void A_place_that_cannot_be_written_to_is_named_with_the_way_out()
    {
        string message = Assert.Throws<StoreException>(() => new Store("/proc/v100/v100.db")).Message;
        Assert.StartsWith("V100:Store:Path = \"/proc/v100/v100.db\": the store cannot be opened: ", message);
        Assert.EndsWith("allowed is a file in a folder that this user may write to", message);
    }

    private static Task<long> CountAsync(Store store) => store.ReadAsync(statements => statements.Whole("SELECT COUNT(*) FROM usage"), default);

    private static double Value(Store store, string name, string kind) => store.Collect().Single(sample => sample.Name == name && sample.Labels == $"kind=\"{kind}\"").Value;

    private sealed class Row(int hour) : StoreWrite
    {
        public int Committed { get; private set; }

        public int Dropped { get; private set; }

        public override void Apply(Statements statements) => statements.Run(Insert, hour);

        public override void OnCommitted() => Committed++;

        public override void OnDropped() => Dropped++;
    }

    private sealed class Faulty : StoreWrite
    {
        public override void Apply(Statements statements) => throw new InvalidOperationException("a fault of this program");
    }

    private sealed class Nothing : StoreWrite
    {
        public override void Apply(Statements statements)
        {
        }
    }

    /// <summary>Keeps the transaction open until the gate is.</summary>
    private sealed class Held(ManualResetEventSlim gate) : StoreWrite
    {
        public ManualResetEventSlim Started { get; } = new();

        public override void Apply(Statements statements)
        {
            Started.Set();
            gate.Wait();
        }
    }
}
