namespace V100.Sfu.Tests.Rtp;

/// <summary>The packet path allocates nothing: runs an operation many times and counts.</summary>
internal static class Allocations
{
    public static void AssertNone(Action operation)
    {
        for (int warmUp = 0; warmUp < 200; warmUp++)
        {
            operation();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int run = 0; run < 1_000; run++)
        {
            operation();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
