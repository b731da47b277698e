using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace V100.Net;

/// <summary>
/// A bounded ring between two threads: one writes, one reads, neither waits. A full ring refuses, and the writer
/// counts what it drops.
/// </summary>
public sealed class SpscRing<T>
{
    private readonly T[] _items;
    private readonly int _mask;
    private Positions _positions;

    // Head and tail on cache lines of their own; each side keeps a copy of the other's position and reads the
    // shared one only when the copy says full (or empty).
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Positions
    {
        [FieldOffset(128)] public int Tail;
        [FieldOffset(132)] public int HeadSeenByWriter;
        [FieldOffset(256)] public int Head;
        [FieldOffset(260)] public int TailSeenByReader;
    }

    /// <param name="capacity">Rounded up to a power of two.</param>
    public SpscRing(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _items = new T[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _mask = _items.Length - 1;
    }

    public int Capacity => _items.Length;

    public bool IsEmpty => Volatile.Read(ref _positions.Head) == Volatile.Read(ref _positions.Tail);

    /// <summary>Writer only. False when the ring is full.</summary>
    public bool TryWrite(in T item)
    {
        int tail = _positions.Tail;
        if (tail - _positions.HeadSeenByWriter == _items.Length)
        {
            _positions.HeadSeenByWriter = Volatile.Read(ref _positions.Head);
            if (tail - _positions.HeadSeenByWriter == _items.Length)
            {
                return false;
            }
        }

        _items[tail & _mask] = item;
        Volatile.Write(ref _positions.Tail, tail + 1);
        return true;
    }

    /// <summary>Reader only. False when the ring is empty.</summary>
    public bool TryRead(out T item)
    {
        int head = _positions.Head;
        if (head == _positions.TailSeenByReader)
        {
            _positions.TailSeenByReader = Volatile.Read(ref _positions.Tail);
            if (head == _positions.TailSeenByReader)
            {
                item = default!;
                return false;
            }
        }

        ref T slot = ref _items[head & _mask];
        item = slot;
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>())
        {
            slot = default!;
        }

        Volatile.Write(ref _positions.Head, head + 1);
        return true;
    }
}
