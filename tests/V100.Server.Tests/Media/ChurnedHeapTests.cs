using V100.Server.Media;

namespace V100.Server.Tests.Media;

/// <summary>When the managed heap is compacted by hand.</summary>
[Collection(GarbageCollections.Alone)]
public sealed class ChurnedHeapTests
{
    [Fact]
    public void It_compacts_behind_a_number_of_collections_and_not_again_before_as_many_more()
    {
        ChurnedHeap heap = new(long.MaxValue);
        Collect(ChurnedHeap.CollectionsBetween);
        int full = GC.CollectionCount(GC.MaxGeneration);
        Assert.True(heap.Sweep());
        Assert.True(GC.CollectionCount(GC.MaxGeneration) > full);
        Assert.False(heap.Sweep());

        Collect(ChurnedHeap.CollectionsBetween);
        Assert.True(heap.Sweep());
    }

    [Fact]
    public void A_large_heap_is_left_to_the_collector()
    {
        ChurnedHeap heap = new(1);
        Collect(ChurnedHeap.CollectionsBetween);
        Assert.False(heap.Sweep());
    }

    private static void Collect(int times)
    {
        for (int time = 0; time < times; time++)
        {
            GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        }
    }
}
