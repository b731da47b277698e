using V100.Net;
using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class RetransmissionCacheTests(ITestOutputHelper output)
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    private static bool Add(RetransmissionCache cache, PacketPool pool, long sequence, Instant now)
    {
        Assert.True(pool.TryRent(out PacketBuffer packet));
        BitConverter.TryWriteBytes(packet.Room, sequence);
        packet.Length = 8;
        bool added = cache.TryAdd(new ExtendedSequence(sequence), packet, now);
        packet.Release();
        return added;
    }

    private static bool Holds(RetransmissionCache cache, long sequence, Instant now)
    {
        bool found = cache.TryGet(new ExtendedSequence(sequence), now, out PacketBuffer packet);
        Assert.True(!found || BitConverter.ToInt64(packet.Bytes) == sequence);
        return found;
    }

    [Fact]
    public void At_the_bound_the_oldest_goes_and_all_references_come_back()
    {
        using var pool = new PacketPool(1_024);
        var cache = new RetransmissionCache(16, MaxAge);
        for (int sequence = 100; sequence < 200; sequence++)
        {
            Assert.True(Add(cache, pool, sequence, Ms(0)));
        }

        Assert.Equal(16, pool.InUse);
        Assert.False(Holds(cache, 183, Ms(0)));
        Assert.True(Holds(cache, 184, Ms(0)));
        Assert.True(Holds(cache, 199, Ms(0)));
        Assert.False(Add(cache, pool, 183, Ms(0)));
        Assert.False(Add(cache, pool, 190, Ms(0))); // a duplicate
        cache.Clear();
        Assert.Equal(0, pool.InUse);
        Assert.Equal(Instant.Never, cache.NextDeadline);
        Assert.True(Add(cache, pool, 5, Ms(0)));
        cache.Clear();
    }

    [Fact]
    public void Age_ends_a_packet_also_in_a_source_that_pauses()
    {
        using var pool = new PacketPool(1_024);
        var cache = new RetransmissionCache(16, MaxAge);
        Add(cache, pool, 100, Ms(0));
        Add(cache, pool, 103, Ms(500));
        Assert.Equal(Ms(1_000), cache.NextDeadline);
        Assert.True(Holds(cache, 100, Ms(1_000)));
        Assert.False(Holds(cache, 100, Ms(1_001)));
        cache.Expire(Ms(1_001));
        Assert.Equal(1, pool.InUse);
        Assert.Equal(Ms(1_500), cache.NextDeadline);
        cache.Expire(Ms(5_000));
        Assert.Equal(0, pool.InUse);
        Assert.True(Add(cache, pool, 104, Ms(5_000)));
        Assert.True(Add(cache, pool, 101, Ms(5_000)));
        Assert.True(Holds(cache, 101, Ms(5_000)));
        cache.Clear();
        Assert.Equal(0, pool.InUse);
    }

    [Fact]
    public void What_goes_to_subscribers_once_more_is_held_for_as_long_once_more()
    {
        using var pool = new PacketPool(64);
        var cache = new RetransmissionCache(16, MaxAge);
        Add(cache, pool, 100, Ms(0));
        Assert.False(Add(cache, pool, 100, Ms(900)));
        Assert.Equal(1, pool.InUse);
        Assert.True(Holds(cache, 100, Ms(1_900)));
        Assert.False(Holds(cache, 100, Ms(1_901)));
        cache.Clear();
    }

    [Fact]
    public void Random_arrivals_agree_with_a_model_and_leak_nothing()
    {
        Random random = Seeds.NewRandom(output);
        using var pool = new PacketPool(4_096);
        var cache = new RetransmissionCache(64, MaxAge);
        var model = new Dictionary<long, long>();
        long newest = 70_000;
        long now = 0;
        for (int step = 0; step < 50_000; step++)
        {
            now += random.Next(100) == 0 ? random.Next(2_000) : random.Next(20);
            long sequence = random.Next(10) switch
            {
                < 7 => newest + 1,
                8 => newest + random.Next(1, random.Next(50) == 0 ? 500 : 10),
                _ => newest - random.Next(0, 80),
            };
            newest = Math.Max(newest, sequence);
            bool isHeld = cache.TryGet(new ExtendedSequence(sequence), Ms(now), out _);
            if (Add(cache, pool, sequence, Ms(now)))
            {
                Assert.False(isHeld);
                model[sequence] = now;
            }
            else if (newest - sequence < 64)
            {
                model[sequence] = now;
            }

            long looked = newest - random.Next(0, 70);
            bool expected = model.TryGetValue(looked, out long at) && now - at <= 1_000 && newest - looked < 64;
            Assert.Equal(expected, Holds(cache, looked, Ms(now)));
            Assert.InRange(cache.Count, 0, 64);
            Assert.Equal(cache.Count, pool.InUse);
        }

        cache.Clear();
        Assert.Equal(0, pool.InUse);
    }

    [Fact]
    public void Adding_and_finding_allocate_nothing()
    {
        using var pool = new PacketPool(256);
        var cache = new RetransmissionCache(16, MaxAge);
        long sequence = 70_000;
        Allocations.AssertNone(() =>
        {
            Add(cache, pool, ++sequence, Ms(sequence));
            cache.TryGet(new ExtendedSequence(sequence - 3), Ms(sequence), out _);
        });
        cache.Clear();
    }
}
