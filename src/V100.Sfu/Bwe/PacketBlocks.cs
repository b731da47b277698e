namespace V100.Sfu.Bwe;

/// <summary>
/// Where packets wait: places in blocks, shared by the <see cref="Pacer{T}"/>s of one thread. A pacer in which nothing waits holds none, so there
/// are as many as ever waited at a time over all of them, not in each.
/// </summary>
public sealed class PacketBlocks<T>
    where T : struct
{
    /// <summary>Packets in a block.</summary>
    internal const int BlockLength = 8;

    /// <summary>Free blocks beyond this go to the collector.</summary>
    internal const int MaxFree = 2048;

    private Block? _free;

    internal int FreeCount { get; private set; }

    internal Block Rent()
    {
        if (_free is not { } block)
        {
            return new Block();
        }

        _free = block.Next;
        block.Next = null;
        FreeCount--;
        return block;
    }

    /// <summary>The block's items must be cleared.</summary>
    internal void Return(Block block)
    {
        if (FreeCount < MaxFree)
        {
            block.Next = _free;
            _free = block;
            FreeCount++;
        }
    }

    internal sealed class Block
    {
        public readonly (T Item, int Bytes)[] Items = new (T, int)[BlockLength];
        public Block? Next;
    }
}
