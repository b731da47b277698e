namespace V100.Net.Tests;

public class PacketPoolTests
{
    [Fact]
    public void The_bound_refuses_and_a_return_makes_room()
    {
        using PacketPool pool = new(1);
        List<PacketBuffer> held = [];
        while (pool.TryRent(out PacketBuffer buffer))
        {
            held.Add(buffer);
        }

        Assert.Equal(256, held.Count);
        Assert.Equal(256, pool.InUse);
        Assert.Equal(256 * PacketBuffer.Capacity, pool.AllocatedBytes);
        held[7].Release();
        Assert.True(pool.TryRent(out PacketBuffer again));
        Assert.Same(held[7], again);
        held.ForEach(buffer => buffer.Release());
        Assert.Equal(0, pool.InUse);
    }

    [Fact]
    public void Buffers_do_not_overlap()
    {
        using PacketPool pool = new(512);
        PacketBuffer[] buffers = new PacketBuffer[512];
        for (int index = 0; index < buffers.Length; index++)
        {
            Assert.True(pool.TryRent(out buffers[index]));
            buffers[index].Room.Fill((byte)index);
            buffers[index].Length = PacketBuffer.Capacity;
        }

        for (int index = 0; index < buffers.Length; index++)
        {
            Assert.Equal(-1, buffers[index].Bytes.IndexOfAnyExcept((byte)index));
            buffers[index].Release();
        }
    }

    [Theory]
    [InlineData(0, PacketBuffer.Capacity + 1)]
    [InlineData(2, PacketBuffer.Capacity - 1)]
    [InlineData(0, -1)]
    [InlineData(-1, 1)]
    public void Bytes_outside_of_the_room_are_never_shown(int start, int length)
    {
        using PacketPool pool = new(1);
        Assert.True(pool.TryRent(out PacketBuffer buffer));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            buffer.Start = start;
            buffer.Length = length;
            return buffer.Bytes.Length;
        });
        buffer.Release();
    }

    [Fact]
    public void The_last_of_several_threads_gives_it_back()
    {
        const int Holders = 3;
        const int Rounds = 30_000;
        using PacketPool pool = new(256);
        SpscRing<PacketBuffer>[] rings = [.. Enumerable.Range(0, Holders).Select(_ => new SpscRing<PacketBuffer>(128))];
        long[] wrong = new long[Holders];
        Thread[] threads = [.. rings.Select((ring, holder) => new Thread(() => wrong[holder] = Hold(ring, Rounds)))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        for (int round = 0; round < Rounds; round++)
        {
            PacketBuffer buffer;
            SpinWait spin = default;
            while (!pool.TryRent(out buffer))
            {
                spin.SpinOnce(-1);
            }

            buffer.Room[..4].Fill((byte)round);
            buffer.Length = 4;
            buffer.AddReferences(Holders);
            foreach (SpscRing<PacketBuffer> ring in rings)
            {
                while (!ring.TryWrite(buffer))
                {
                    spin.SpinOnce(-1);
                }
            }

            buffer.Release();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.Equal(0, wrong.Sum());
        Assert.Equal(0, pool.InUse);
    }

    // A buffer that came back too early would carry a later round's bytes.
    private static long Hold(SpscRing<PacketBuffer> ring, int rounds)
    {
        long wrong = 0;
        SpinWait spin = default;
        for (int round = 0; round < rounds; round++)
        {
            PacketBuffer buffer;
            while (!ring.TryRead(out buffer))
            {
                spin.SpinOnce(-1);
            }

            wrong += buffer.Length == 4 && buffer.Bytes.IndexOfAnyExcept((byte)round) < 0 ? 0 : 1;
            buffer.Release();
        }

        return wrong;
    }
}
