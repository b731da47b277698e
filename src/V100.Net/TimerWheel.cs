using System.Diagnostics;
using System.Numerics;

namespace V100.Net;

/// <summary>One deadline of one owner; scheduled again without allocation. Belongs to at most one wheel at a time.</summary>
public sealed class TimerNode(object owner)
{
    public object Owner { get; } = owner;

    /// <summary>The deadline last given, also after the node fired; <see cref="Instant.Never"/> after a cancel.</summary>
    public Instant Deadline { get; internal set; } = Instant.Never;

    public bool IsScheduled => Wheel is not null;

    // The list that holds the node is circular; Slot says which of the wheel's lists it is.
    internal TimerWheel? Wheel;
    internal TimerNode? Next;
    internal TimerNode? Previous;
    internal int Slot;
}

/// <summary>
/// The deadlines of one worker, as a hierarchical timing wheel in whatever time its caller lives in: schedule, cancel and
/// reschedule are O(1) and allocate nothing. Not thread safe.
/// </summary>
/// <remarks>
/// Deadlines are rounded up to ticks of 2^20 ns (1.05 ms), so a node fires at or up to one tick after its deadline, never before.
/// Nodes fire in the order of their ticks; within a tick in no promised order. The caller drains after each wake-up:
/// <code>
/// while (wheel.TryExpire(now, out TimerNode node)) { ((Session)node.Owner).HandleDeadline(now); }
/// </code>
/// A node may be scheduled or cancelled during the drain, the fired one included. One that is scheduled for the past during a
/// drain fires in the next drain, so that a drain ends.
/// </remarks>
public sealed class TimerWheel
{
    private const int TickShift = 20;
    private const int SlotBits = 6;
    private const int SlotsPerLevel = 1 << SlotBits;

    // 2^63 ns are 2^43 ticks: 8 levels of 6 bits hold every instant, and no deadline is ever out of range.
    private const int Levels = 8;

    private const int Due = Levels * SlotsPerLevel;
    private const int Overdue = Due + 1;

    // A node stands at the level of the highest bit in which its tick differs from _tick. So every node of a lower level
    // fires before any node of a higher one, and within a level the lowest occupied slot is the first.
    private readonly TimerNode?[] _slots = new TimerNode?[Overdue + 1];
    private readonly ulong[] _occupied = new ulong[Levels];
    private uint _occupiedLevels;
    private long _tick;
    private bool _draining;

    /// <param name="now">The earliest time that the wheel will be asked about; not negative.</param>
    public TimerWheel(Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(now.Nanoseconds);
        _tick = now.Nanoseconds >> TickShift;
    }

    /// <summary>Nodes that are scheduled now.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// When to call <see cref="TryExpire"/> next: nothing fires before. Exact for what is due within 64 ticks; for later nodes it is
    /// the time at which the wheel must look at them again. <see cref="Instant.Never"/> when nothing is scheduled.
    /// </summary>
    public Instant NextDeadline
    {
        get
        {
            if (_slots[Due] is not null || _slots[Overdue] is not null)
            {
                return new Instant(_tick << TickShift);
            }

            return _occupiedLevels == 0 ? Instant.Never : new Instant(FirstOccupiedTick(out _) << TickShift);
        }
    }

    /// <summary>Schedules the node, or moves it when it is scheduled. <see cref="Instant.Never"/> cancels it.</summary>
    public void Schedule(TimerNode node, Instant deadline)
    {
        if (node.Wheel is not null)
        {
            if (node.Deadline == deadline)
            {
                return;
            }

            Unlink(node);
        }

        node.Deadline = deadline;
        if (deadline == Instant.Never)
        {
            return;
        }

        long tick = RoundUpToTick(deadline);
        Link(node, tick > _tick ? SlotOf(tick) : Overdue);
    }

    public void Cancel(TimerNode node)
    {
        if (node.Wheel is not null)
        {
            Unlink(node);
        }

        node.Deadline = Instant.Never;
    }

    /// <summary>Takes the next node whose deadline has passed; it is no longer scheduled.</summary>
    /// <param name="now">Must not go back from one call to the next.</param>
    /// <param name="node">The node, when the answer is true.</param>
    public bool TryExpire(Instant now, out TimerNode node)
    {
        if (!_draining)
        {
            _draining = true;
            MoveOverdue();
        }

        long target = now.Nanoseconds >> TickShift;
        while (_slots[Due] is null)
        {
            if (!TryAdvance(target))
            {
                _draining = false;
                node = null!;
                return false;
            }
        }

        node = _slots[Due]!;
        Unlink(node);
        return true;
    }

    /// <summary>Goes on to the next occupied slot that is not after the target, and empties it into lower levels or the due list.</summary>
    private bool TryAdvance(long target)
    {
        if (_occupiedLevels == 0)
        {
            _tick = Math.Max(_tick, target);
            return false;
        }

        long tick = FirstOccupiedTick(out int slot);
        if (tick > target)
        {
            // No occupied slot lies between, so each node's highest differing bit, and with it its place, stays the same.
            _tick = Math.Max(_tick, target);
            return false;
        }

        _tick = tick;
        while (_slots[slot] is { } node)
        {
            Unlink(node);
            long nodeTick = RoundUpToTick(node.Deadline);
            Debug.Assert(nodeTick >= tick);
            Link(node, nodeTick == tick ? Due : SlotOf(nodeTick));
        }

        return true;
    }

    private void MoveOverdue()
    {
        while (_slots[Overdue] is { } node)
        {
            Unlink(node);
            Link(node, Due);
        }
    }

    private static long RoundUpToTick(Instant instant) =>
        (instant.Nanoseconds >> TickShift) + ((instant.Nanoseconds & ((1L << TickShift) - 1)) != 0 ? 1 : 0);

    private int SlotOf(long tick)
    {
        int level = BitOperations.Log2((ulong)(tick ^ _tick)) / SlotBits;
        return level * SlotsPerLevel + (int)(tick >> (level * SlotBits) & (SlotsPerLevel - 1));
    }

    /// <summary>The tick at which the first occupied slot begins, and that slot's index.</summary>
    private long FirstOccupiedTick(out int slot)
    {
        int level = BitOperations.TrailingZeroCount(_occupiedLevels);
        int index = BitOperations.TrailingZeroCount(_occupied[level]);
        slot = level * SlotsPerLevel + index;
        int shift = level * SlotBits;
        long above = _tick >> (shift + SlotBits) << (shift + SlotBits);
        return above | (long)index << shift;
    }

    private void Link(TimerNode node, int slot)
    {
        node.Wheel = this;
        node.Slot = slot;
        Count++;
        ref TimerNode? head = ref _slots[slot];
        if (head is not null)
        {
            node.Next = head;
            node.Previous = head.Previous;
            head.Previous!.Next = node;
            head.Previous = node;
            return;
        }

        node.Next = node.Previous = node;
        head = node;
        if (slot < Due)
        {
            _occupied[slot >> SlotBits] |= 1UL << slot;
            _occupiedLevels |= 1U << (slot >> SlotBits);
        }
    }

    private void Unlink(TimerNode node)
    {
        if (node.Wheel != this)
        {
            throw new InvalidOperationException("The timer node belongs to another wheel.");
        }

        ref TimerNode? head = ref _slots[node.Slot];
        Count--;
        if (node.Next == node)
        {
            head = null;
            ClearOccupied(node.Slot);
        }
        else
        {
            node.Next!.Previous = node.Previous;
            node.Previous!.Next = node.Next;
            if (head == node)
            {
                head = node.Next;
            }
        }

        node.Next = node.Previous = null;
        node.Wheel = null;
    }

    private void ClearOccupied(int slot)
    {
        if (slot < Due)
        {
            ref ulong level = ref _occupied[slot >> SlotBits];
            level &= ~(1UL << slot);
            if (level == 0)
            {
                _occupiedLevels &= ~(1U << (slot >> SlotBits));
            }
        }
    }
}
