using System.Numerics;
using System.Runtime.CompilerServices;
using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>How one packet was sent to one subscriber: what makes its retransmission the same packet, whatever was switched since.</summary>
/// <param name="Source">Where the source's <see cref="RetransmissionCache"/> has its bytes.</param>
/// <param name="Output">The number under which the subscriber knows it.</param>
/// <param name="Timestamp">The timestamp that was written.</param>
/// <param name="Layer">Which of the track's sources it came from, by the caller's own count.</param>
/// <param name="CodecState">What was written into the payload's descriptor, by its rewriter's own packing; 0 when nothing.</param>
/// <param name="Codec">The payload type that was written, by the caller's own count.</param>
/// <param name="Marker">The marker bit that was written.</param>
/// <param name="TransportSequence">The transport-wide number that was written; 0 where there is none.</param>
public readonly record struct SentPacket(
    ExtendedSequence Source, ExtendedSequence Output, uint Timestamp, byte Layer = 0, uint CodecState = 0, byte Codec = 0, bool Marker = false,
    ushort TransportSequence = 0);

/// <summary>What to do about a packet that a subscriber says it misses.</summary>
public enum RetransmissionDecision
{
    /// <summary>Send it; the sending is recorded.</summary>
    Send,

    /// <summary>It was never sent under this number, or too long ago.</summary>
    Unknown,

    /// <summary>It was retransmitted less than a round trip ago: the request crossed it.</summary>
    TooSoon,

    /// <summary>It was retransmitted as often as it may be.</summary>
    Exhausted,
}

/// <summary>
/// The last packets sent to one subscriber in one stream, by output number, without their bytes. Requests for what was never sent, that
/// repeat within a round trip, or beyond <see cref="MaxRetransmissions"/> get nothing, so a storm of them costs a bounded number of bytes.
/// </summary>
/// <remarks>
/// A ring that begins with <see cref="MinLength"/> places and doubles, up to its bound, when a packet would be
/// forgotten that may still be asked for; at the bound the oldest entry goes, and its packet is no longer retransmitted. Padding is never entered.
/// </remarks>
public sealed class SentPacketHistory
{
    /// <summary>As often as the receivers in browsers ask for one packet.</summary>
    public const int MaxRetransmissions = 10;

    public const int MinLength = 16;

    /// <summary>A tick has so many bits of nanoseconds: 66 µs.</summary>
    private const int TickBits = 16;

    /// <summary>What counts as a round trip where it is shorter or not yet known.</summary>
    private static readonly TimeSpan MinRetransmissionInterval = TimeSpan.FromMilliseconds(5);

    private readonly int _maxLength;
    private readonly TimeSpan _keepTime;
    private Entry[] _entries = [];
    private ExtendedSequence _newest;
    private long _oldestAllowed;

    /// <summary>28 bytes, times subscribers, times the packets of <see cref="_keepTime"/>.</summary>
    private struct Entry
    {
        public uint SourceLow;
        public uint OutputLow;
        public uint Timestamp;
        public uint CodecState;

        /// <summary>The last sending, in ticks of <see cref="TickBits"/>; they wrap after three days.</summary>
        public uint SentAt;

        /// <summary>An SRTP index has 48 bits (RFC 3711, 3.3.1).</summary>
        public ushort SourceHigh;
        public ushort TransportSequence;
        public byte Layer;
        public byte Codec;
        public byte Retransmissions;
        public Flags Flags;

        public readonly long Source => (long)SourceHigh << 32 | SourceLow;
    }

    [Flags]
    private enum Flags : byte
    {
        None = 0,
        IsUsed = 1,
        Marker = 2,
    }

    /// <param name="capacity">In packets, rounded up to a power of two: no more than the source's cache has.</param>
    /// <param name="keepTime">How long a packet may be asked for: as long as the cache keeps its bytes.</param>
    public SentPacketHistory(int capacity, TimeSpan keepTime)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, 1 << 15);
        _maxLength = (int)BitOperations.RoundUpToPowerOf2((uint)capacity);
        _keepTime = keepTime;
    }

    /// <summary>Packets of which it has room to know.</summary>
    public int Length => _entries.Length;

    /// <summary>Records a packet's first sending.</summary>
    public void Add(in SentPacket packet, Instant now)
    {
        if (packet.Output > _newest)
        {
            MakeRoom(packet.Output, now);
            _newest = packet.Output;
        }
        else
        {
            // Late, behind numbers that were left for it.
            while (_entries.Length < _maxLength && _newest - packet.Output >= _entries.Length)
            {
                GrowSlow();
            }

            if (_newest - packet.Output >= _entries.Length)
            {
                return;
            }
        }

        ref Entry entry = ref _entries[IndexOf(packet.Output)];
        entry.SourceLow = (uint)packet.Source.Value;
        entry.SourceHigh = (ushort)(packet.Source.Value >> 32);
        entry.OutputLow = (uint)packet.Output.Value;
        entry.Timestamp = packet.Timestamp;
        entry.CodecState = packet.CodecState;
        entry.SentAt = TickOf(now);
        entry.Layer = packet.Layer;
        entry.Codec = packet.Codec;
        entry.TransportSequence = packet.TransportSequence;
        entry.Retransmissions = 0;
        entry.Flags = packet.Marker ? Flags.IsUsed | Flags.Marker : Flags.IsUsed;
    }

    /// <summary>Answers one number of a NACK, and records the retransmission when there is to be one.</summary>
    /// <param name="lost">As the subscriber wrote it.</param>
    /// <param name="now">When it asked.</param>
    /// <param name="roundTrip">To the subscriber; zero while unknown.</param>
    /// <param name="packet">With <see cref="RetransmissionDecision.Send"/>, what was sent.</param>
    public RetransmissionDecision TryRetransmit(SequenceNumber lost, Instant now, TimeSpan roundTrip, out SentPacket packet)
    {
        packet = default;
        ExtendedSequence output = _newest + lost.DistanceFrom(_newest.Wire);
        if (output > _newest || _newest - output >= _entries.Length || output.Value < _oldestAllowed)
        {
            return RetransmissionDecision.Unknown;
        }

        ref Entry entry = ref _entries[IndexOf(output)];
        if ((entry.Flags & Flags.IsUsed) == 0 || entry.OutputLow != (uint)output.Value)
        {
            return RetransmissionDecision.Unknown;
        }

        if (entry.Retransmissions == MaxRetransmissions)
        {
            return RetransmissionDecision.Exhausted;
        }

        TimeSpan interval = roundTrip > MinRetransmissionInterval ? roundTrip : MinRetransmissionInterval;
        if (entry.Retransmissions > 0 && Since(entry.SentAt, now) < interval)
        {
            return RetransmissionDecision.TooSoon;
        }

        entry.Retransmissions++;
        entry.SentAt = TickOf(now);
        packet = new SentPacket(
            new ExtendedSequence(entry.Source), output, entry.Timestamp, entry.Layer, entry.CodecState, entry.Codec, (entry.Flags & Flags.Marker) != 0, entry.TransportSequence);
        return RetransmissionDecision.Send;
    }

    /// <summary>Retransmits nothing older from now on: a key frame that the subscriber asked for makes it worthless.</summary>
    public void DiscardBefore(ExtendedSequence output) => _oldestAllowed = Math.Max(_oldestAllowed, output.Value);

    private int IndexOf(ExtendedSequence output) => (int)output.Value & _entries.Length - 1;

    /// <summary>Grows as long as the number, or one that is left out before it, takes the place of what may still be asked for.</summary>
    private void MakeRoom(ExtendedSequence output, Instant now)
    {
        if (_entries.Length == 0)
        {
            GrowSlow();
        }

        long first = Math.Max(_newest.Value + 1, output.Value - _maxLength + 1);
        for (long taken = first; taken <= output.Value && _entries.Length < _maxLength; taken++)
        {
            while (_entries.Length < _maxLength && WouldForget(new ExtendedSequence(taken), now))
            {
                GrowSlow();
            }
        }
    }

    private bool WouldForget(ExtendedSequence output, Instant now)
    {
        ref readonly Entry former = ref _entries[IndexOf(output)];
        bool isOther = (former.Flags & Flags.IsUsed) != 0 && former.OutputLow != (uint)output.Value;

        // Of what was sent again only that is known: it may be kept for as long from there.
        return isOther && Since(former.SentAt, now) < _keepTime;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GrowSlow()
    {
        Entry[] smaller = _entries;
        _entries = new Entry[Math.Clamp(2 * smaller.Length, Math.Min(MinLength, _maxLength), _maxLength)];
        foreach (ref readonly Entry kept in smaller.AsSpan())
        {
            if ((kept.Flags & Flags.IsUsed) != 0)
            {
                _entries[(int)kept.OutputLow & _entries.Length - 1] = kept;
            }
        }
    }

    private static uint TickOf(Instant at) => (uint)(at.Nanoseconds >> TickBits);

    /// <summary>At most a tick more than it is.</summary>
    private static TimeSpan Since(uint tick, Instant now) => new(((long)(TickOf(now) - tick) + 1 << TickBits) / TimeSpan.NanosecondsPerTick);
}
