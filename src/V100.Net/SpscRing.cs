using System.Numerics;
using System.Runtime.CompilerServices;

namespace V100.Net;

/// <summary>
/// A bounded ring between two threads: one writes, one reads, neither waits. A full ring refuses, and the writer
/// counts what it drops.
/// </summary>
public sealed class SpscRing<T>
{
    private readonly T[] _items;
    private readonly int _mask;
    private RingPositions _positions;

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
        long tail = _positions.Tail;
        if (tail - _positions.HeadSeenByWriter == _items.Length)
        {
            _positions.HeadSeenByWriter = Volatile.Read(ref _positions.Head);
            if (tail - _positions.HeadSeenByWriter == _items.Length)
            {
                return false;
            }
        }

        _items[(int)tail & _mask] = item;
        Volatile.Write(ref _positions.Tail, tail + 1);
        return true;
    }

    /// <summary>Reader only. False when the ring is empty.</summary>
    public bool TryRead(out T item)
    {
        long head = _positions.Head;
        if (head == _positions.TailSeenByReader)
        {
            _positions.TailSeenByReader = Volatile.Read(ref _positions.Tail);
            if (head == _positions.TailSeenByReader)
            {
                item = default!;
                return false;
            }
        }

        ref T slot = ref _items[(int)head & _mask];
        item = slot;
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>())
        {
            slot = default!;
        }

        Volatile.Write(ref _positions.Head, head + 1);
        return true;
    }
}
