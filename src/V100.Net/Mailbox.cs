using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace V100.Net;

/// <summary>Somebody who may sleep, and whom any thread can wake. Many wakes before he looks are one.</summary>
public interface IWakeable
{
    void Wake();
}

/// <summary>
/// A bounded queue of control messages: any thread posts, one reads. A full mailbox refuses; nobody waits and nobody takes a lock.
/// Messages of one poster arrive in its order.
/// </summary>
public sealed class Mailbox<T>
{
    // D. Vyukov's bounded queue: a slot's turn says whose it is. Turn == position: free for the poster of that position;
    // position + 1: filled for the reader.
    private struct Slot
    {
        public long Turn;
        public T Item;
    }

    private readonly Slot[] _slots;
    private readonly IWakeable _reader;
    private RingPositions _positions;

    /// <param name="capacity">Rounded up to a power of two, at least 2.</param>
    /// <param name="reader">Woken after each post.</param>
    public Mailbox(int capacity, IWakeable reader)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(2, capacity))];
        _reader = reader;
        for (int index = 0; index < _slots.Length; index++)
        {
            _slots[index].Turn = index;
        }
    }

    public int Capacity => _slots.Length;

    /// <summary>Any thread. False when the mailbox is full.</summary>
    public bool TryPost(T message)
    {
        long position = Volatile.Read(ref _positions.Tail);
        while (true)
        {
            ref Slot slot = ref SlotAt(position);
            long ahead = Volatile.Read(ref slot.Turn) - position;
            if (ahead < 0)
            {
                return false;
            }

            long seen = ahead == 0
                ? Interlocked.CompareExchange(ref _positions.Tail, position + 1, position)
                : Volatile.Read(ref _positions.Tail);
            if (ahead == 0 && seen == position)
            {
                slot.Item = message;
                Volatile.Write(ref slot.Turn, position + 1);
                _reader.Wake();
                return true;
            }

            position = seen;
        }
    }

    /// <summary>Reader only. False when there is no message.</summary>
    public bool TryRead([MaybeNullWhen(false)] out T message)
    {
        long position = _positions.Head;
        ref Slot slot = ref SlotAt(position);
        if (Volatile.Read(ref slot.Turn) != position + 1)
        {
            message = default;
            return false;
        }

        message = slot.Item;
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>())
        {
            slot.Item = default!;
        }

        _positions.Head = position + 1;
        Volatile.Write(ref slot.Turn, position + _slots.Length);
        return true;
    }

    private ref Slot SlotAt(long position) => ref _slots[(int)position & (_slots.Length - 1)];
}
