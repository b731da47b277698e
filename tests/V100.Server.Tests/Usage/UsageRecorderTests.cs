using V100.Net;
using V100.Server.Storage;
using V100.Server.Usage;
using V100.Turn;

namespace V100.Server.Tests.Usage;

/// <summary>Whatever is counted while it is being written is in the store in the end, once.</summary>
public sealed class UsageRecorderTests
{
    [Fact]
    public async Task Everything_is_written_once_up_to_the_last_count_before_the_end()
    {
        string path = Path.Combine(TemporaryFolder.NewPath(), "v100.db");
        const long rounds = 20_000;
        TurnDirectory turn = new();
        AllocationRecord[] allocations = [.. Enumerable.Range(0, 10).Select(index => new AllocationRecord(
            new AllocationId((ulong)index + 1), "2000000000:u", index % 2 == 0 ? "even" : "odd", default, RelayTransport.Udp, new Instant(1)))];
        await using (Store store = new(path))
        {
            UsageMeter meter = new();
            meter.Begin(turn);
            Array.ForEach(allocations, turn.Add);
            UsageRecorder recorder = new(meter, store, new ManualTime());
            recorder.Start();

            // Until it has been written several times in between.
            long counted = 0;
            while (counted < rounds || store.Collect().Single(sample => sample.Name == "v100_store_writes_total").Value < 3)
            {
                Array.ForEach(allocations, allocation => allocation.CountToPeer(1, 3));
                counted++;
            }

            Array.ForEach(allocations, turn.Remove);
            await recorder.DisposeAsync();
            Assert.Equal([("even", 15 * counted), ("odd", 15 * counted)], await store.ReadAsync(
                statements => statements.Rows("SELECT participant, SUM(relayed_bytes) FROM usage GROUP BY participant ORDER BY participant", row => (row.GetString(0), row.GetInt64(1))), default));
        }
    }
}
