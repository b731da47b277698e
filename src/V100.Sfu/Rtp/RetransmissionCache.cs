using System.Diagnostics;
using System.Numerics;
using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// The last packets of one source on one worker, held by reference in the plaintext that all subscriptions share: what a
/// retransmission is made from. A ring of fixed size keyed by the source's extended sequence.
/// </summary>
/// <remarks>
/// At the bound the oldest packet goes. Besides, a packet goes when it is older than the given age: with the next packets, or, in a
/// source that pauses, when the owner calls <see cref="Expire"/> at <see cref="NextDeadline"/>. <see cref="Clear"/> at the end, or
/// the references leak. Where an older one went to subscribers once more, a younger one waits for it to go; it is not found any more.
/// </remarks>
public sealed class RetransmissionCache
{
    private const int MaxExpiredPerPacket = 8;

    private readonly Slot[] _slots;
    private readonly int _mask;
    private readonly TimeSpan _maxAge;
    private long _newest = long.MinValue;

    // No packet older than this one is held.
    private long _oldest;

    private struct Slot
    {
        public long Sequence;
        public Instant At;
        public PacketBuffer? Buffer;
    }

    /// <param name="capacity">In packets, rounded up to a power of two.</param>
    /// <param name="maxAge">How long a packet is of use to a subscriber.</param>
    public RetransmissionCache(int capacity, TimeSpan maxAge)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _mask = _slots.Length - 1;
        _maxAge = maxAge;
    }

    public int Capacity => _slots.Length;

    /// <summary>Packets held now.</summary>
    public int Count { get; private set; }

    /// <summary>The newest number that was added since the start or the last <see cref="Clear"/>; meaningful while there is one.</summary>
    public ExtendedSequence Newest => new(_newest);

    /// <summary>When the oldest packet is to go.</summary>
    public Instant NextDeadline => Count == 0 ? Instant.Never : FindOldest().At + _maxAge;

    /// <summary>
    /// Takes a reference of its own to the packet. False, with nothing taken, for a packet that is older than the ring is long, or is held
    /// already: its age begins anew, for it goes to subscribers once more.
    /// </summary>
    public bool TryAdd(ExtendedSequence sequence, PacketBuffer packet, Instant now)
    {
        long value = sequence.Value;
        if (_newest == long.MinValue)
        {
            _newest = value;
            _oldest = value;
        }

        if (_newest - value >= _slots.Length)
        {
            return false;
        }

        if (value > _newest)
        {
            _newest = value;
            RemoveThrough(value - _slots.Length);
        }

        ref Slot slot = ref _slots[value & _mask];
        if (slot.Buffer is not null)
        {
            Debug.Assert(slot.Sequence == value);
            slot.At = now;
            return false;
        }

        packet.AddReferences(1);
        slot.Buffer = packet;
        slot.Sequence = value;
        slot.At = now;
        _oldest = Math.Min(_oldest, value);
        Count++;
        ExpireOldest(now, MaxExpiredPerPacket);
        return true;
    }

    /// <summary>The packet, without a reference: it is valid until the next call that changes the cache.</summary>
    public bool TryGet(ExtendedSequence sequence, Instant now, out PacketBuffer packet)
    {
        ref readonly Slot slot = ref _slots[sequence.Value & _mask];
        bool found = slot.Buffer is not null && slot.Sequence == sequence.Value && now - slot.At <= _maxAge;
        packet = found ? slot.Buffer! : null!;
        return found;
    }

    /// <summary>Lets go of every packet that is too old.</summary>
    public void Expire(Instant now) => ExpireOldest(now, int.MaxValue);

    /// <summary>Lets go of all packets; the next one may have any number.</summary>
    public void Clear()
    {
        RemoveThrough(_newest);
        _newest = long.MinValue;
    }

    private ref readonly Slot FindOldest()
    {
        while (_slots[_oldest & _mask].Buffer is null)
        {
            _oldest++;
        }

        return ref _slots[_oldest & _mask];
    }

    private void ExpireOldest(Instant now, int maxCount)
    {
        for (; maxCount > 0 && Count > 0; maxCount--)
        {
            ref readonly Slot oldest = ref FindOldest();
            if (now - oldest.At <= _maxAge)
            {
                break;
            }

            Remove(_oldest++);
        }
    }

    private void RemoveThrough(long last)
    {
        while (Count > 0 && _oldest <= last)
        {
            Remove(_oldest++);
        }

        _oldest = Math.Max(_oldest, last + 1);
    }

    private void Remove(long sequence)
    {
        ref Slot slot = ref _slots[sequence & _mask];
        if (slot.Buffer is null)
        {
            return;
        }

        slot.Buffer.Release();
        slot.Buffer = null;
        Count--;
    }
}
