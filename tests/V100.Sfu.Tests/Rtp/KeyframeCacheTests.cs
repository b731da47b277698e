using V100.Net;
using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class KeyframeCacheTests(ITestOutputHelper output)
{
    private readonly PacketPool _pool = new(8_192);

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    private void Add(KeyframeCache cache, long sequence, bool startsKeyframe, bool marker, long atMs = 0, int length = 200)
    {
        Assert.True(_pool.TryRent(out PacketBuffer packet));
        packet.Room[..length].Clear();
        var header = new RtpHeader(96, marker, new SequenceNumber((ushort)sequence), 0, new Ssrc(1));
        header.WriteFixed(packet.Room, hasExtensions: false);
        packet.Length = length;
        cache.Add(new ExtendedSequence(sequence), packet, startsKeyframe, Ms(atMs));
        packet.Release();
    }

    private static long[] Held(KeyframeCache cache)
    {
        var held = new List<long>();
        (ExtendedSequence first, ExtendedSequence last) = cache.Range;
        for (ExtendedSequence sequence = first; sequence <= last; sequence = sequence.Next)
        {
            if (cache.TryGet(sequence, out PacketBuffer packet))
            {
                Assert.True(RtpReader.TryParseHeader(packet.Bytes, out RtpReader rtp));
                Assert.Equal((ushort)sequence.Value, rtp.SequenceNumber.Value);
                held.Add(sequence.Value);
            }
        }

        return [.. held];
    }

    private void AssertNothingIsLeft(KeyframeCache cache)
    {
        cache.Clear();
        Assert.False(cache.HasKeyframe);
        Assert.Equal(0, _pool.InUse);
    }

    [Fact]
    public void A_keyframe_counts_when_all_of_it_is_there_and_what_follows_stays_with_it()
    {
        var cache = new KeyframeCache();
        Add(cache, 9, false, true);
        Add(cache, 10, true, false);
        Add(cache, 12, false, true);
        Assert.False(cache.HasKeyframe);
        Add(cache, 13, false, true);
        Add(cache, 11, false, false);
        Assert.True(cache.HasKeyframe);
        Add(cache, 15, false, true);
        Assert.Equal([10, 11, 12, 13, 15], Held(cache));
        AssertNothingIsLeft(cache);
    }

    [Fact]
    public void A_new_keyframe_takes_over_when_it_is_whole()
    {
        var cache = new KeyframeCache();
        Add(cache, 10, true, true);
        Add(cache, 11, false, true);
        Add(cache, 12, true, false);
        Add(cache, 14, false, true);
        Assert.Equal([10, 11, 12, 14], Held(cache));
        Add(cache, 13, false, false);
        Assert.Equal([12, 13, 14], Held(cache));
        Assert.Equal(3, _pool.InUse);
        AssertNothingIsLeft(cache);
    }

    [Theory]
    [InlineData("bytes")]
    [InlineData("packets")]
    [InlineData("age")]
    public void At_a_bound_the_keyframe_stays_as_a_still_picture_until_the_next_one_is_whole(string bound)
    {
        var cache = new KeyframeCache();
        Add(cache, 10, true, false);
        Add(cache, 11, false, true);
        int length = bound == "bytes" ? 2_000 : 20;
        for (int index = 0; index < 1_100; index++)
        {
            Add(cache, 12 + index, false, true, bound == "age" ? index * 10 : index, length);
            Assert.True(cache.HasKeyframe);
            Assert.InRange(_pool.InUse, 2, KeyframeCache.MaxPackets);
        }

        Assert.True(cache.IsStill);
        Assert.Equal([10, 11], Held(cache));
        Assert.Equal(2, _pool.InUse);
        Add(cache, 5_000, true, false, 20_000);
        Assert.Equal([10, 11], Held(cache));
        Add(cache, 5_001, false, true, 20_000);
        Assert.False(cache.IsStill);
        Assert.Equal([5_000, 5_001], Held(cache));
        AssertNothingIsLeft(cache);
    }

    [Fact]
    public void A_keyframe_that_is_larger_than_the_bound_is_never_whole()
    {
        var cache = new KeyframeCache();
        for (int index = 0; index < 1_500; index++)
        {
            Add(cache, 10 + index, index == 0, index == 1_499);
            Assert.False(cache.HasKeyframe);
        }

        AssertNothingIsLeft(cache);
    }

    /// <summary>Whatever comes in whatever order: what is offered begins with a keyframe of which nothing is missing, and is the newest such.</summary>
    [Fact]
    public void What_it_offers_is_always_decodable()
    {
        Random random = Seeds.NewRandom(output);
        for (int run = 0; run < Seeds.Scaled(200); run++)
        {
            var cache = new KeyframeCache();
            var stream = new List<(long Sequence, bool Starts, bool Marker, long Keyframe)>();
            long sequence = random.Next(100_000);
            for (int frame = 0; frame < 60; frame++)
            {
                bool keyframe = random.Next(10) == 0;
                int count = random.Next(1, 6);
                long start = sequence;
                for (int index = 0; index < count; index++)
                {
                    stream.Add((sequence++, keyframe && index == 0, index == count - 1, keyframe ? start : -1));
                }
            }

            var arrivals = stream.Where(_ => random.NextDouble() > 0.03).OrderBy(packet => packet.Sequence + random.Next(8)).ToList();
            var arrived = new HashSet<long>();
            foreach ((long number, bool starts, bool marker, _) in arrivals)
            {
                arrived.Add(number);
                Add(cache, number, starts, marker);
                if (!cache.HasKeyframe)
                {
                    continue;
                }

                long first = cache.Range.First.Value;
                long[] keyframe = [.. stream.Where(packet => packet.Keyframe == first).Select(packet => packet.Sequence)];
                Assert.NotEmpty(keyframe);
                Assert.Superset(keyframe.ToHashSet(), Held(cache).ToHashSet());
            }

            AssertNothingIsLeft(cache);
        }
    }
}
