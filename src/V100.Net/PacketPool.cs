using System.Runtime.InteropServices;

namespace V100.Net;

/// <summary>
/// The packet buffers of one worker, in slabs of native memory that grow on demand up to a bound. Only the owning
/// worker rents; any thread may return. At the bound <see cref="TryRent"/> says no and the caller drops and counts.
/// </summary>
public sealed unsafe class PacketPool : IDisposable
{
    private const int BuffersPerSlab = 256;

    private readonly int _slabLimit;
    private readonly List<nint> _slabs = [];
    private PacketBuffer? _free;
    private long _rented;
    private Returns _returns;

    // What other threads write, on cache lines of its own.
    [StructLayout(LayoutKind.Sequential)]
    private struct Returns
    {
        private readonly Gap _before;
        public PacketBuffer? Stack;
        public long Count;
        private readonly Gap _after;
    }

    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct Gap;

    /// <param name="maxBuffers">The bound, rounded up to whole slabs of 256 buffers (512 KiB).</param>
    public PacketPool(int maxBuffers)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBuffers);
        _slabLimit = (int)(((long)maxBuffers + BuffersPerSlab - 1) / BuffersPerSlab);
    }

    /// <summary>Buffers that somebody holds now. Exact when no other thread is returning.</summary>
    public long InUse => Volatile.Read(ref _rented) - Volatile.Read(ref _returns.Count);

    public long AllocatedBytes => (long)_slabs.Count * BuffersPerSlab * PacketBuffer.Capacity;

    /// <summary>One buffer with one reference, or false at the bound.</summary>
    public bool TryRent(out PacketBuffer buffer)
    {
        PacketBuffer? next = _free ?? TakeReturned();
        if (next is null && !TryGrowSlow(out next))
        {
            buffer = null!;
            return false;
        }

        _free = next!.Next;
        next.Next = null;
        next.Begin();
        Volatile.Write(ref _rented, _rented + 1);
        buffer = next;
        return true;
    }

    internal void Return(PacketBuffer buffer)
    {
        // A stack that only the owner empties, and always whole: no ABA.
        PacketBuffer? head = Volatile.Read(ref _returns.Stack);
        while (true)
        {
            buffer.Next = head;
            PacketBuffer? seen = Interlocked.CompareExchange(ref _returns.Stack, buffer, head);
            if (seen == head)
            {
                break;
            }

            head = seen;
        }

        Interlocked.Increment(ref _returns.Count);
    }

    private PacketBuffer? TakeReturned() =>
        Volatile.Read(ref _returns.Stack) is null ? null : Interlocked.Exchange(ref _returns.Stack, null);

    private bool TryGrowSlow(out PacketBuffer? first)
    {
        first = null;
        if (_slabs.Count == _slabLimit)
        {
            return false;
        }

        byte* slab = (byte*)NativeMemory.AlignedAlloc(BuffersPerSlab * PacketBuffer.Capacity, 4096);
        _slabs.Add((nint)slab);
        for (int index = BuffersPerSlab - 1; index >= 0; index--)
        {
            first = new PacketBuffer(this, slab + index * PacketBuffer.Capacity) { Next = first };
        }

        return true;
    }

    /// <summary>Frees the slabs. Nobody may hold a buffer any more.</summary>
    public void Dispose()
    {
        foreach (nint slab in _slabs)
        {
            NativeMemory.AlignedFree((void*)slab);
        }

        _slabs.Clear();
        _free = _returns.Stack = null;
    }
}
