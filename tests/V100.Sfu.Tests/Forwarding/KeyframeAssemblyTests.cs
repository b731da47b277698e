using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Forwarding;

public class KeyframeAssemblyTests(ITestOutputHelper output)
{
    private static readonly Instant _now = new(5);

    private static void Add(KeyframeAssembly keyframes, long sequence, uint timestamp, bool starts = false, bool ends = false, bool key = true) =>
        keyframes.OnPacket(
            new ExtendedSequence(sequence),
            new PacketLayers { Timestamp = timestamp, StartsFrame = starts, EndsFrame = ends, EndsPicture = ends, IsKeyframe = key }, _now);

    [Fact]
    public void It_is_complete_with_its_last_packet_in_whatever_order_they_come()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 2_000; round++)
        {
            var keyframes = new KeyframeAssembly();
            Add(keyframes, 1_000, 1, ends: true, key: false);
            int count = random.Next(1, 40);
            int[] order = [.. Enumerable.Range(0, count)];
            random.Shuffle(order);
            for (int index = 0; index < count; index++)
            {
                Assert.False(keyframes.IsComplete);
                Add(keyframes, 1_001 + order[index], 2, order[index] == 0, order[index] == count - 1);
            }

            Assert.True(keyframes.IsComplete);
            Assert.Equal((1_001, _now), (keyframes.First.Value, keyframes.CompletedAt));
        }
    }

    [Fact]
    public void A_newer_one_takes_its_place_and_an_older_one_does_not()
    {
        var keyframes = new KeyframeAssembly();
        Add(keyframes, 100, 1, starts: true, ends: true);
        Assert.True(keyframes.IsComplete);
        Add(keyframes, 110, 2, starts: true);
        Assert.False(keyframes.IsComplete);
        Add(keyframes, 90, 0, starts: true, ends: true);
        Assert.Equal(110, keyframes.First.Value);
        Add(keyframes, 111, 2, ends: true);
        Assert.True(keyframes.IsComplete);
    }

    [Fact]
    public void Parameters_that_come_late_are_its_beginning()
    {
        var keyframes = new KeyframeAssembly();
        Add(keyframes, 11, 7, starts: true, ends: true);
        Add(keyframes, 10, 7, starts: true);
        Assert.Equal(10, keyframes.First.Value);
        Assert.True(keyframes.IsComplete);
    }

    [Fact]
    public void One_that_is_longer_than_the_window_is_never_complete()
    {
        var keyframes = new KeyframeAssembly();
        for (int index = 0; index < 3 * KeyframeAssembly.WindowLength; index++)
        {
            if (index != 5)
            {
                Add(keyframes, 1_000 + index, 3, index == 0, index == 3 * KeyframeAssembly.WindowLength - 1);
            }
        }

        Add(keyframes, 1_005, 3);
        Assert.False(keyframes.IsComplete);
        keyframes.Clear();
        Assert.False(keyframes.HasBegun);
        Add(keyframes, 3, 9, starts: true, ends: true);
        Assert.True(keyframes.IsComplete);
    }
}
