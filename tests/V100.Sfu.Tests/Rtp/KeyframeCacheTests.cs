using V100.Net;
using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class KeyframeCacheTests(ITestOutputHelper output)
{
    private static readonly KeyframeCacheLimits _limits = new(128, 20_000, TimeSpan.FromSeconds(10));

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    private static void Add(KeyframeCache cache, PacketPool pool, long sequence, char kind, long ms = 0, int length = 100)
    {
        Assert.True(pool.TryRent(out PacketBuffer packet));
        BitConverter.TryWriteBytes(packet.Room, sequence);
        packet.Length = length;
        cache.Add(new ExtendedSequence(sequence), packet, kind is 'K' or 'k', kind is 'k' or 'e', Ms(ms));
        packet.Release();
    }

    // K begins a key frame, e ends a frame, k is a whole key frame.
    private static string Begin(KeyframeCache cache, long ms = 0)
    {
        if (!cache.TryBegin(Ms(ms), out KeyframeCache.Enumerator packets))
        {
            return "";
        }

        List<long> all = [];
        while (packets.MoveNext())
        {
            Assert.Equal(packets.Sequence.Value, BitConverter.ToInt64(packets.Current.Bytes));
            all.Add(packets.Sequence.Value);
        }

        Assert.Equal(all.Count, all[^1] - all[0] + 1);
        return $"{all[0]}-{all[^1]}";
    }

    [Fact]
    public void One_begins_at_a_complete_key_frame_and_at_the_former_one_until_then()
    {
        using var pool = new PacketPool(256);
        var cache = new KeyframeCache(_limits);
        Assert.True(cache.NeedsKeyframe);
        Add(cache, pool, 10, 'e');
        Add(cache, pool, 11, 'K');
        Assert.Equal(("", false), (Begin(cache), cache.NeedsKeyframe));
        Add(cache, pool, 12, 'e');
        Assert.Equal("11-12", Begin(cache));
        Add(cache, pool, 13, 'e');
        Add(cache, pool, 14, 'K');
        Add(cache, pool, 16, 'e'); // 15 is lost
        Assert.Equal("", Begin(cache));
        Add(cache, pool, 15, '-');
        Assert.Equal("14-16", Begin(cache));
        Assert.Equal(3, pool.InUse);
        Add(cache, pool, 17, 'K');
        Add(cache, pool, 18, '-');
        Assert.Equal("14-18", Begin(cache));
        cache.Clear();
        Assert.Equal(0, pool.InUse);
        Assert.True(cache.NeedsKeyframe);
    }

    [Fact]
    public void The_first_packet_of_a_key_frame_may_come_late()
    {
        using var pool = new PacketPool(256);
        var cache = new KeyframeCache(_limits);
        Add(cache, pool, 9, 'e');
        Add(cache, pool, 11, '-');
        Add(cache, pool, 12, 'e');
        Add(cache, pool, 10, 'K');
        Assert.Equal("10-12", Begin(cache));
        cache.Clear();
    }

    [Theory]
    [InlineData(200, 100, 10)] // too many
    [InlineData(30, 1_000, 10)] // too much
    [InlineData(30, 100, 500)] // too long
    public void At_a_bound_only_a_fresh_key_frame_helps(int packets, int length, int intervalMs)
    {
        using var pool = new PacketPool(512);
        var cache = new KeyframeCache(_limits);
        Add(cache, pool, 1, 'k');
        for (int index = 0; index < packets; index++)
        {
            Add(cache, pool, 2 + index, 'e', index * intervalMs, length);
        }

        Assert.Equal(("", true), (Begin(cache, packets * intervalMs), cache.NeedsKeyframe));
        Assert.InRange(cache.PacketCount, 0, KeyframeCache.RecentPackets);
        Add(cache, pool, 2 + packets, 'k', packets * intervalMs);
        Assert.False(cache.NeedsKeyframe);
        Assert.Equal($"{2 + packets}-{2 + packets}", Begin(cache, packets * intervalMs));
        cache.Clear();
        Assert.Equal(0, pool.InUse);
    }

    [Fact]
    public void Random_loss_and_order_never_give_an_undecodable_start_and_leak_nothing()
    {
        Random random = Seeds.NewRandom(output);
        using var pool = new PacketPool(1_024);
        for (int run = 0; run < Seeds.Scaled(20); run++)
        {
            var cache = new KeyframeCache(_limits);
            var kinds = new Dictionary<long, char>();
            List<long> flight = [];
            long sequence = 0x1_0000 + random.Next(65_000, 65_536);
            int begun = 0;
            char former = 'e';
            for (int step = 0; step < 3_000; step++)
            {
                former = former is 'e' or 'k' ? random.Next(40) switch { 0 => 'K', 1 => 'k', _ => random.Next(2) == 0 ? 'e' : '-' } : random.Next(3) == 0 ? 'e' : '-';
                kinds[++sequence] = former;
                if (random.Next(100) != 0)
                {
                    flight.Insert(random.Next(10) == 0 ? random.Next(flight.Count + 1) : flight.Count, sequence);
                }

                if (random.Next(2_000) == 0)
                {
                    sequence += random.Next(1_000);
                    former = 'e';
                }

                while (flight.Count > random.Next(6))
                {
                    Add(cache, pool, flight[0], kinds[flight[0]], step * 10, random.Next(60, 400));
                    flight.RemoveAt(0);
                    Assert.Equal(cache.PacketCount, pool.InUse);
                    Assert.InRange(cache.PacketCount, 0, _limits.MaxPackets);
                    Assert.InRange(cache.ByteCount, 0, _limits.MaxBytes);
                    string range = Begin(cache, step * 10);
                    begun += range.Length > 0 ? 1 : 0;
                    if (range.Length > 0)
                    {
                        long[] ends = [.. range.Split('-').Select(text => long.Parse(text, System.Globalization.CultureInfo.InvariantCulture))];
                        Assert.True(kinds[ends[0]] is 'K' or 'k');
                        Assert.Contains(Enumerable.Range(0, (int)(ends[1] - ends[0]) + 1), index => kinds[ends[0] + index] is 'k' or 'e');
                    }
                }
            }

            Assert.True(begun > 50, "it is of use");
            cache.Clear();
            Assert.Equal(0, pool.InUse);
        }
    }

    [Fact]
    public void Adding_allocates_nothing()
    {
        using var pool = new PacketPool(256);
        var cache = new KeyframeCache(_limits);
        long sequence = 0;
        Allocations.AssertNone(() =>
        {
            sequence++;
            Add(cache, pool, sequence, sequence % 50 == 0 ? 'k' : 'e', sequence);
        });
        cache.Clear();
    }
}
