namespace V100.Net.Tests;

public class SpscRingTests
{
    [Fact]
    public void A_full_ring_refuses_and_an_empty_one_says_so()
    {
        SpscRing<int> ring = new(3);
        Assert.Equal(4, ring.Capacity);
        Assert.True(ring.IsEmpty);
        for (int lap = 0; lap < 10; lap++)
        {
            for (int item = 0; item < 4; item++)
            {
                Assert.True(ring.TryWrite(item));
            }

            Assert.False(ring.TryWrite(4));
            Assert.False(ring.IsEmpty);
            for (int item = 0; item < 4; item++)
            {
                Assert.True(ring.TryRead(out int read));
                Assert.Equal(item, read);
            }

            Assert.False(ring.TryRead(out _));
        }
    }

    [Fact]
    public void Nothing_that_was_read_stays_reachable()
    {
        SpscRing<object> ring = new(4);
        WeakReference item = Pass(ring);
        GC.Collect();
        Assert.False(item.IsAlive);
        GC.KeepAlive(ring);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static WeakReference Pass(SpscRing<object> ring)
    {
        object item = new();
        ring.TryWrite(item);
        ring.TryRead(out _);
        return new WeakReference(item);
    }

    [Fact]
    public void Two_threads_pass_every_item_in_order()
    {
        const long Items = 1_000_000;
        SpscRing<(long Value, long Copy)> ring = new(64);
        long refused = 0;
        Thread writer = new(() =>
        {
            SpinWait spin = default;
            for (long item = 0; item < Items; item++)
            {
                while (!ring.TryWrite((item, ~item)))
                {
                    refused++;
                    spin.SpinOnce(-1);
                }
            }
        });
        writer.Start();
        SpinWait wait = default;
        long wrong = 0;
        for (long expected = 0; expected < Items; expected++)
        {
            (long Value, long Copy) item;
            while (!ring.TryRead(out item))
            {
                wait.SpinOnce(-1);
            }

            wrong += item.Value == expected && item.Copy == ~expected ? 0 : 1;
        }

        writer.Join();
        Assert.Equal(0, wrong);
        Assert.True(ring.IsEmpty);
    }
}
