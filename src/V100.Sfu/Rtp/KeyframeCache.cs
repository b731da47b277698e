using System.Diagnostics;
using System.Numerics;
using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>The bounds of a <see cref="KeyframeCache"/>.</summary>
/// <param name="MaxPackets">Rounded up to a power of two.</param>
/// <param name="MaxBytes">Of RTP.</param>
/// <param name="MaxAge">Since the key frame began: who begins with an older one has to decode for too long until he sees the present.</param>
public readonly record struct KeyframeCacheLimits(int MaxPackets, int MaxBytes, TimeSpan MaxAge);

/// <summary>
/// The last key frame of one encoding and all that followed it, by reference, so that a subscriber who begins sees a picture at once and no
/// key frame is asked of the publisher.
/// </summary>
/// <remarks>
/// Give it every packet in the order of arrival with <see cref="Add"/>. The former key frame stays until a new one is complete. While a packet is missing
/// behind the key frame, nobody can begin; when it comes late it takes its place. At a bound what is held goes, and <see cref="NeedsKeyframe"/>
/// says that only a fresh key frame helps. Without a key frame the last <see cref="RecentPackets"/> packets are kept, for one whose
/// first packet comes late. <see cref="Clear"/> at the end, or the references leak.
/// </remarks>
public sealed class KeyframeCache
{
    public const int RecentPackets = 32;

    private const long None = long.MinValue;

    private readonly Slot[] _slots;
    private readonly KeyframeCacheLimits _limits;
    private long _oldest;
    private long _newest = None;
    private long _start = None;
    private long _contiguousTo;
    private Instant _startedAt;
    private long _nextStart = None;
    private long _nextContiguousTo;
    private Instant _nextStartedAt;

    private struct Slot
    {
        public long Sequence;
        public PacketBuffer? Buffer;
        public bool EndsFrame;
    }

    public KeyframeCache(KeyframeCacheLimits limits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limits.MaxPackets, RecentPackets * 2);
        _limits = limits;
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)limits.MaxPackets)];
    }

    public int PacketCount { get; private set; }
    public int ByteCount { get; private set; }

    /// <summary>Nothing is held, nor on its way, with which one could begin.</summary>
    public bool NeedsKeyframe => _start == None && _nextStart == None;

    /// <summary>Takes a reference of its own to a packet, if it is of use.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="packet">The plaintext packet.</param>
    /// <param name="startsKeyframe">The first of a key frame.</param>
    /// <param name="endsFrame">The last of its frame: the marker bit.</param>
    /// <param name="now">The present.</param>
    public void Add(ExtendedSequence sequence, PacketBuffer packet, bool startsKeyframe, bool endsFrame, Instant now)
    {
        long value = sequence.Value;
        if (_newest == None)
        {
            _oldest = value;
            _newest = value - 1;
        }

        if (value < _oldest || value <= _newest && SlotOf(value).Buffer is not null)
        {
            return;
        }

        if (value > _newest)
        {
            MakeRoom(value);
            _newest = value;
        }

        packet.AddReferences(1);
        SlotOf(value) = new Slot { Sequence = value, Buffer = packet, EndsFrame = endsFrame };
        PacketCount++;
        ByteCount += packet.Length;
        if (startsKeyframe && value > Math.Max(_start, _nextStart))
        {
            (_nextStart, _nextContiguousTo, _nextStartedAt) = (value, value - 1, now);
        }

        Advance();
        Bound(now);
    }

    /// <summary>All packets from the key frame on, for who begins now: they are valid until the next call that changes the cache.</summary>
    /// <returns>False while there is no complete key frame, or something behind it is missing.</returns>
    public bool TryBegin(Instant now, out Enumerator packets)
    {
        bool isWhole = _start != None && _contiguousTo == _newest && now - _startedAt <= _limits.MaxAge;
        packets = isWhole ? new Enumerator(this, _start, _newest) : default;
        return isWhole;
    }

    /// <summary>Another source, or the end: lets go of everything.</summary>
    public void Clear()
    {
        RemoveBefore(_newest == None ? 0 : _newest + 1);
        _newest = _start = _nextStart = None;
        Debug.Assert(PacketCount == 0 && ByteCount == 0);
    }

    /// <summary>From the key frame's first packet to the newest.</summary>
    public ref struct Enumerator
    {
        private readonly KeyframeCache? _cache;
        private readonly long _last;
        private long _position;

        internal Enumerator(KeyframeCache cache, long first, long last)
        {
            _cache = cache;
            _position = first - 1;
            _last = last;
        }

        public readonly ExtendedSequence Sequence => new(_position);
        public readonly PacketBuffer Current => _cache!.SlotOf(_position).Buffer!;
        public readonly Enumerator GetEnumerator() => this;
        public bool MoveNext() => _cache is not null && ++_position <= _last;
    }

    private ref Slot SlotOf(long sequence) => ref _slots[sequence & (_slots.Length - 1)];

    private bool Holds(long sequence) => SlotOf(sequence).Buffer is not null && SlotOf(sequence).Sequence == sequence;

    // The ring is as long as the bound: what would be overwritten was within it.
    private void MakeRoom(long sequence)
    {
        long first = sequence - _slots.Length + 1;
        if (first > _oldest)
        {
            GiveUpBefore(first);
        }
    }

    private void Advance()
    {
        for (; _start != None && _contiguousTo < _newest && Holds(_contiguousTo + 1); _contiguousTo++)
        {
        }

        while (_nextStart != None && _nextContiguousTo < _newest && Holds(_nextContiguousTo + 1))
        {
            _nextContiguousTo++;
            if (SlotOf(_nextContiguousTo).EndsFrame)
            {
                (_start, _contiguousTo, _startedAt) = (_nextStart, _nextContiguousTo, _nextStartedAt);
                _nextStart = None;
                RemoveBefore(_start);
                Advance();
            }
        }
    }

    private void Bound(Instant now)
    {
        if (_start != None && (IsTooMuch || now - _startedAt > _limits.MaxAge))
        {
            _start = None;
            RemoveBefore(_nextStart != None ? _nextStart : _newest - RecentPackets + 1);
        }

        if (_nextStart != None && (IsTooMuch || now - _nextStartedAt > _limits.MaxAge))
        {
            _nextStart = None;
        }

        if (NeedsKeyframe)
        {
            RemoveBefore(IsTooMuch ? _newest + 1 : _newest - RecentPackets + 1);
        }
    }

    private bool IsTooMuch => PacketCount > _limits.MaxPackets || ByteCount > _limits.MaxBytes;

    private void GiveUpBefore(long first)
    {
        _start = _start < first ? None : _start;
        _nextStart = _nextStart < first ? None : _nextStart;
        RemoveBefore(first);
    }

    private void RemoveBefore(long first)
    {
        for (; _oldest < first && PacketCount > 0; _oldest++)
        {
            ref Slot slot = ref SlotOf(_oldest);
            if (slot.Buffer is { } buffer && slot.Sequence == _oldest)
            {
                PacketCount--;
                ByteCount -= buffer.Length;
                slot.Buffer = null;
                buffer.Release();
            }
        }

        _oldest = Math.Max(_oldest, first);
    }
}
