using V100.Server.Connections;
using V100.Stun;

namespace V100.Server.Tests.Connections;

public sealed class OutboundQueueTests
{
    private readonly BlockPool _pool = new(4096);
    private readonly byte[] _taken = new byte[ClientConnection.MaxWriteBytes];

    [Fact]
    public void Packets_come_out_in_order_framed_and_padded()
    {
        OutboundQueue queue = new(_pool);
        Assert.Equal(EnqueueOutcome.Queued, queue.TryEnqueue([0x40, 0, 0, 1, 7], StreamFraming.Stun, isMedia: true));
        Assert.Equal(EnqueueOutcome.Queued, queue.TryEnqueue(StreamClient.Request(1), StreamFraming.Stun, isMedia: false));
        Assert.Equal([0x40, 0, 0, 1, 7, 0, 0, 0, .. StreamClient.Request(1)], Take(queue));
        Assert.Equal(EnqueueOutcome.Queued, queue.TryEnqueue([1, 2, 3], StreamFraming.LengthPrefixed, isMedia: true));
        Assert.Equal(EnqueueOutcome.Queued, queue.TryEnqueue([4], StreamFraming.LengthPrefixed, isMedia: true));
        Assert.Equal([0, 3, 1, 2, 3, 0, 1, 4], Take(queue));
        Assert.Equal((0, 0), (queue.QueuedBytes, _pool.InUse));
    }

    [Theory]
    [InlineData(StreamFraming.Stun, 0)]
    [InlineData(StreamFraming.LengthPrefixed, 2)]
    public void Packets_of_every_length_come_out_whole(StreamFraming framing, int prefixLength)
    {
        OutboundQueue queue = new(_pool);
        byte[] packet = new byte[ushort.MaxValue];
        new Random(1).NextBytes(packet);
        foreach (int length in (int[])[1, Block.Capacity - 3, Block.Capacity - 2, Block.Capacity - 1, Block.Capacity, Block.Capacity + 1, 2 * Block.Capacity, 20_001, ushort.MaxValue])
        {
            Assert.Equal(EnqueueOutcome.Queued, queue.TryEnqueue(packet.AsSpan(0, length), framing, isMedia: false));
            Assert.Equal(EnqueueOutcome.Queued, queue.TryEnqueue(packet.AsSpan(0, 4), framing, isMedia: false));
            byte[] taken = Take(queue);
            int padded = prefixLength > 0 ? length : (length + 3) & ~3;
            Assert.Equal(prefixLength + padded + prefixLength + 4, taken.Length);
            Assert.True(taken.AsSpan(prefixLength, length).SequenceEqual(packet.AsSpan(0, length)));
            Assert.True(taken.AsSpan(taken.Length - 4).SequenceEqual(packet.AsSpan(0, 4)));
        }

        Assert.Equal((0, 0), (queue.QueuedBytes, _pool.InUse));
    }

    [Fact]
    public void Media_leaves_a_quarter_to_what_must_not_be_lost()
    {
        OutboundQueue queue = new(_pool);
        byte[] packet = new byte[1200];
        packet[0] = 0x40;
        int media = Fill(queue, packet, isMedia: true, EnqueueOutcome.DroppedMedia);
        int control = Fill(queue, packet, isMedia: false, EnqueueOutcome.Overflow);
        Assert.Equal(OutboundQueue.MaxMediaBytes / Block.Capacity, media);
        Assert.Equal(OutboundQueue.MaxBytes / Block.Capacity, media + control);
        Assert.Equal((media + control) * packet.Length, Take(queue).Length);
        Assert.Equal(EnqueueOutcome.Queued, queue.TryEnqueue(packet, StreamFraming.Stun, isMedia: true));
    }

    [Theory]
    [InlineData("8060", true)] // RTP
    [InlineData("80C8", true)] // RTCP
    [InlineData("4001", true)] // ChannelData
    [InlineData("0017", true)] // a Data indication
    [InlineData("0101", false)] // a Binding success
    [InlineData("0103", false)] // an Allocate success
    [InlineData("001C", false)] // a ConnectionAttempt indication
    [InlineData("16FE", false)] // DTLS
    [InlineData("", false)]
    public void What_datagrams_carry_may_be_lost(string hex, bool mayBeLost) => Assert.Equal(mayBeLost, ConnectionTable.MayBeLost(Convert.FromHexString(hex)));

    [Fact]
    public void The_pool_bounds_all_queues_and_keeps_a_quarter_from_media()
    {
        BlockPool small = new(16);
        OutboundQueue one = new(small);
        OutboundQueue other = new(small);
        byte[] packet = new byte[1000];
        int media = Fill(one, packet, isMedia: true, EnqueueOutcome.DroppedMedia);
        Assert.Equal(EnqueueOutcome.DroppedMedia, other.TryEnqueue(packet, StreamFraming.Stun, isMedia: true));
        int control = Fill(other, packet, isMedia: false, EnqueueOutcome.Overflow);
        Assert.Equal((13, 16), (media, media + control));
        Assert.Equal(EnqueueOutcome.Overflow, other.TryEnqueue(new byte[30_000], StreamFraming.Stun, isMedia: false));
        Take(one);
        Take(other);
        Assert.Equal((0, 0, 0), (small.InUse, one.QueuedBytes, other.QueuedBytes));
        Assert.Equal(16L * Block.Capacity, small.AllocatedBytes);
    }

    [Fact]
    public void Queueing_allocates_nothing_once_the_blocks_are_there()
    {
        OutboundQueue queue = new(_pool);
        byte[] packet = new byte[1200];
        byte[] longer = new byte[4000];
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 1000; round++)
        {
            Round();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            queue.TryEnqueue(packet, StreamFraming.Stun, isMedia: true);
            queue.TryEnqueue(longer, StreamFraming.LengthPrefixed, isMedia: false);
            while (queue.Take(_taken, onePacket: false) > 0)
            {
            }
        }
    }

    [Fact]
    public async Task Several_threads_queue_while_one_takes_and_nothing_is_lost_or_out_of_order()
    {
        const int Threads = 3;
        const int PacketsPerThread = 20_000;
        OutboundQueue queue = new(_pool);
        Task[] senders = [.. Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
        {
            byte[] packet = new byte[8];
            packet[0] = (byte)thread;
            for (int number = 0; number < PacketsPerThread; number++)
            {
                BitConverter.TryWriteBytes(packet.AsSpan(4), number);
                while (queue.TryEnqueue(packet, StreamFraming.Stun, isMedia: false) != EnqueueOutcome.Queued)
                {
                    Thread.Yield();
                }
            }
        }))];
        int[] next = new int[Threads];
        while (next.Sum() < Threads * PacketsPerThread)
        {
            int count = queue.Take(_taken, onePacket: false);
            Assert.True(count > 0 || !senders.Any(sender => sender.IsFaulted));
            for (int at = 0; at < count; at += 8)
            {
                Assert.Equal(next[_taken[at]]++, BitConverter.ToInt32(_taken, at + 4));
            }
        }

        await Task.WhenAll(senders);
        Assert.Equal((0, 0), (queue.QueuedBytes, _pool.InUse));
    }

    private static int Fill(OutboundQueue queue, byte[] packet, bool isMedia, EnqueueOutcome refusal)
    {
        int count = 0;
        EnqueueOutcome outcome;
        while ((outcome = queue.TryEnqueue(packet, StreamFraming.Stun, isMedia)) == EnqueueOutcome.Queued)
        {
            count++;
        }

        Assert.Equal(refusal, outcome);
        return count;
    }

    private byte[] Take(OutboundQueue queue)
    {
        List<byte> all = [];
        int count;
        while ((count = queue.Take(_taken, onePacket: false)) > 0)
        {
            all.AddRange(_taken.AsSpan(0, count));
        }

        return [.. all];
    }
}
