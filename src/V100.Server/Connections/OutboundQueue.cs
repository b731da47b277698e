using System.Buffers.Binary;
using System.Diagnostics;
using V100.Stun;

namespace V100.Server.Connections;

/// <summary>What came of a packet for an <see cref="OutboundQueue"/>.</summary>
internal enum EnqueueOutcome
{
    Queued,

    /// <summary>Media had no room: it is lost, as it may be.</summary>
    DroppedMedia,

    /// <summary>What must not be lost had no room.</summary>
    Overflow,
}

/// <summary>
/// The packets of one connection that wait to be written, framed as its stream is framed. Any thread enqueues, without a lock; one
/// thread at a time takes.
/// </summary>
/// <remarks>
/// A queue holds at most <see cref="MaxBytes"/> bytes, counted in whole blocks, and media at most three quarters of that, so that a
/// client too slow for its media still gets its answers. All queues together hold what their <see cref="BlockPool"/> holds, and media no
/// more than three quarters of it.
/// </remarks>
internal sealed class OutboundQueue(BlockPool pool)
{
    public const int MaxBytes = 256 * 1024;
    public const int MaxMediaBytes = MaxBytes / 4 * 3;

    // Newest first: a stack that is only ever taken whole has no ABA.
    private Block? _newest;

    // What the taker has in order, oldest first.
    private Block? _oldest;
    private int _taken;
    private int _queuedBytes;

    /// <summary>Bytes of the blocks that wait.</summary>
    public int QueuedBytes => Volatile.Read(ref _queuedBytes);

    /// <summary>Any thread: whether something was enqueued after the taker last looked.</summary>
    public bool HasNew => Volatile.Read(ref _newest) is not null;

    /// <summary>Any thread. Copies the packet.</summary>
    /// <param name="packet">A whole packet, of at most 65,535 bytes.</param>
    /// <param name="framing">The connection's.</param>
    /// <param name="isMedia">Whether it may be lost.</param>
    public EnqueueOutcome TryEnqueue(ReadOnlySpan<byte> packet, StreamFraming framing, bool isMedia)
    {
        EnqueueOutcome refusal = isMedia ? EnqueueOutcome.DroppedMedia : EnqueueOutcome.Overflow;
        int prefixLength = framing == StreamFraming.LengthPrefixed ? StreamFramings.PrefixLength : 0;

        // RFC 8656, 12.5: over a stream, ChannelData is padded to a multiple of four bytes; STUN messages are one already.
        int padding = framing == StreamFraming.LengthPrefixed ? 0 : -packet.Length & 3;
        int length = prefixLength + packet.Length + padding;
        if (packet.Length > ushort.MaxValue || packet.IsEmpty || isMedia && pool.InUse > pool.MaxBlocks / 4 * 3)
        {
            return refusal;
        }

        int charge = (length + Block.Capacity - 1) / Block.Capacity * Block.Capacity;
        if (Interlocked.Add(ref _queuedBytes, charge) > (isMedia ? MaxMediaBytes : MaxBytes) || !TryCopy(packet, prefixLength, padding, out Block? first))
        {
            Interlocked.Add(ref _queuedBytes, -charge);
            return refusal;
        }

        Push(first!);
        return EnqueueOutcome.Queued;
    }

    /// <summary>The taker only. Copies the oldest bytes that are there, as many as fit, and gives their blocks back. 0 for an empty queue.</summary>
    /// <param name="destination">At least <see cref="Block.Capacity"/> bytes.</param>
    /// <param name="onePacket">No more than one packet, or the rest of one.</param>
    public int Take(Span<byte> destination, bool onePacket)
    {
        Debug.Assert(destination.Length >= Block.Capacity);
        int copied = 0;
        while ((_oldest ??= TakeAll()) is { } packet)
        {
            int count = Math.Min(packet.Length - _taken, destination.Length - copied);
            packet.Bytes.AsSpan(_taken, count).CopyTo(destination[copied..]);
            copied += count;
            _taken += count;
            if (_taken < packet.Length)
            {
                break;
            }

            _taken = 0;
            bool ends = packet.Rest is null;
            _oldest = packet.Rest ?? packet.Next;
            if (packet.Rest is { } rest)
            {
                rest.Next = packet.Next;
            }

            packet.Rest = null;
            pool.Return(packet);
            Interlocked.Add(ref _queuedBytes, -Block.Capacity);
            if (ends && onePacket)
            {
                break;
            }
        }

        return copied;
    }

    private bool TryCopy(ReadOnlySpan<byte> packet, int prefixLength, int padding, out Block? first)
    {
        first = null;
        if (!pool.TryRent(out Block? block))
        {
            return false;
        }

        first = block;
        if (prefixLength > 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(block.Bytes, (ushort)packet.Length);
        }

        int used = prefixLength;
        while (true)
        {
            int count = Math.Min(packet.Length, Block.Capacity - used);
            packet[..count].CopyTo(block.Bytes.AsSpan(used));
            packet = packet[count..];
            block.Length = used + count;
            if (packet.IsEmpty)
            {
                return TryPad(block, padding) || Fail(ref first);
            }

            if (!TryExtend(ref block))
            {
                return Fail(ref first);
            }

            used = 0;
        }
    }

    private bool TryPad(Block block, int padding)
    {
        for (; padding > 0; padding--)
        {
            if (block.Length == Block.Capacity && !TryExtend(ref block))
            {
                return false;
            }

            block.Bytes[block.Length++] = 0;
        }

        return true;
    }

    private bool TryExtend(ref Block block)
    {
        if (!pool.TryRent(out Block? rest))
        {
            return false;
        }

        block.Rest = rest;
        block = rest;
        return true;
    }

    private bool Fail(ref Block? first)
    {
        pool.Return(first);
        first = null;
        return false;
    }

    private void Push(Block packet)
    {
        Block? newest = Volatile.Read(ref _newest);
        while (true)
        {
            packet.Next = newest;
            Block? seen = Interlocked.CompareExchange(ref _newest, packet, newest);
            if (ReferenceEquals(seen, newest))
            {
                return;
            }

            newest = seen;
        }
    }

    private Block? TakeAll()
    {
        Block? packet = Volatile.Read(ref _newest) is null ? null : Interlocked.Exchange(ref _newest, null);
        Block? oldest = null;
        while (packet is not null)
        {
            Block? older = packet.Next;
            packet.Next = oldest;
            oldest = packet;
            packet = older;
        }

        return oldest;
    }
}
