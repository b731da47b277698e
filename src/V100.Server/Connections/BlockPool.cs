using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using V100.Net;

namespace V100.Server.Connections;

/// <summary>Room for one packet, or a part of a long one, on its way between a connection and a worker.</summary>
internal sealed class Block
{
    /// <summary>An Ethernet frame's worth.</summary>
    public const int Capacity = 1536;

    public byte[] Bytes { get; } = GC.AllocateUninitializedArray<byte>(Capacity);

    public int Length { get; set; }

    /// <summary>The packet's next part.</summary>
    public Block? Rest { get; set; }

    /// <summary>The neighbour in the queue that holds this packet's first part.</summary>
    public Block? Next;
}

/// <summary>
/// Blocks for any number of threads that rent and return, without a lock. They are made on demand up to a bound and kept;
/// at the bound <see cref="TryRent"/> says no.
/// </summary>
internal sealed class BlockPool
{
    // D. Vyukov's bounded queue, as in Mailbox, with several readers.
    private struct Slot
    {
        public long Turn;
        public Block? Item;
    }

    private readonly Slot[] _slots;
    private readonly int _maxBlocks;
    private RingPositions _positions;
    private int _made;
    private int _rented;

    /// <param name="maxBlocks">The bound.</param>
    public BlockPool(int maxBlocks)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBlocks);
        _maxBlocks = maxBlocks;
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(2, maxBlocks))];
        for (int index = 0; index < _slots.Length; index++)
        {
            _slots[index].Turn = index;
        }
    }

    public int MaxBlocks => _maxBlocks;

    /// <summary>Blocks that somebody holds now.</summary>
    public int InUse => Volatile.Read(ref _rented);

    /// <summary>Bytes of all blocks that were ever made: they are kept for the next peak.</summary>
    public long AllocatedBytes => (long)Math.Min(Volatile.Read(ref _made), _maxBlocks) * Block.Capacity;

    /// <summary>A block of length 0, or false at the bound.</summary>
    public bool TryRent([MaybeNullWhen(false)] out Block block)
    {
        if (!TryDequeue(out block) && !TryMakeSlow(out block))
        {
            return false;
        }

        Interlocked.Increment(ref _rented);
        block.Length = 0;
        return true;
    }

    /// <summary>Takes a packet back: the block and its <see cref="Block.Rest"/>.</summary>
    public void Return(Block? block)
    {
        while (block is not null)
        {
            Block? rest = block.Rest;
            block.Rest = null;
            block.Next = null;
            Interlocked.Decrement(ref _rented);
            Enqueue(block);
            block = rest;
        }
    }

    private bool TryMakeSlow([MaybeNullWhen(false)] out Block block)
    {
        block = null;
        if (Volatile.Read(ref _made) >= _maxBlocks || Interlocked.Increment(ref _made) > _maxBlocks)
        {
            return false;
        }

        block = new Block();
        return true;
    }

    /// <summary>There is room for every block that was made.</summary>
    private void Enqueue(Block block)
    {
        long position = Interlocked.Increment(ref _positions.Tail) - 1;
        ref Slot slot = ref SlotAt(position);
        SpinWait spin = default;
        while (Volatile.Read(ref slot.Turn) != position)
        {
            // A reader a whole round back is between taking its place and leaving it.
            spin.SpinOnce(sleep1Threshold: -1);
        }

        slot.Item = block;
        Volatile.Write(ref slot.Turn, position + 1);
    }

    private bool TryDequeue([MaybeNullWhen(false)] out Block block)
    {
        long position = Volatile.Read(ref _positions.Head);
        while (true)
        {
            ref Slot slot = ref SlotAt(position);
            long ahead = Volatile.Read(ref slot.Turn) - (position + 1);
            if (ahead < 0)
            {
                block = null;
                return false;
            }

            long seen = ahead == 0
                ? Interlocked.CompareExchange(ref _positions.Head, position + 1, position)
                : Volatile.Read(ref _positions.Head);
            if (ahead == 0 && seen == position)
            {
                block = slot.Item!;
                slot.Item = null;
                Volatile.Write(ref slot.Turn, position + _slots.Length);
                return true;
            }

            position = seen;
        }
    }

    private ref Slot SlotAt(long position) => ref _slots[(int)position & (_slots.Length - 1)];
}
