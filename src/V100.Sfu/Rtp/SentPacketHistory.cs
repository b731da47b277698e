using System.Numerics;
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
/// <remarks>A ring: at the bound the oldest entry goes, and its packet is no longer retransmitted. Padding is never entered.</remarks>
public sealed class SentPacketHistory
{
    /// <summary>As often as the receivers in browsers ask for one packet.</summary>
    public const int MaxRetransmissions = 10;

    /// <summary>What counts as a round trip where it is shorter or not yet known.</summary>
    private static readonly TimeSpan MinRetransmissionInterval = TimeSpan.FromMilliseconds(5);

    private readonly Entry[] _entries;
    private readonly int _mask;
    private ExtendedSequence _newest;
    private long _oldestAllowed;

    private struct Entry
    {
        public long Source;
        public Instant RetransmittedAt;
        public uint OutputLow;
        public uint Timestamp;
        public uint CodecState;
        public ushort TransportSequence;
        public byte Layer;
        public byte Codec;
        public bool Marker;
        public byte Retransmissions;
        public bool IsUsed;
    }

    /// <param name="capacity">In packets, rounded up to a power of two.</param>
    public SentPacketHistory(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, 1 << 15);
        _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _mask = _entries.Length - 1;
    }

    /// <summary>Records a packet's first sending.</summary>
    public void Add(in SentPacket packet)
    {
        if (packet.Output > _newest)
        {
            _newest = packet.Output;
        }
        else if (_newest - packet.Output >= _entries.Length)
        {
            return;
        }

        ref Entry entry = ref _entries[packet.Output.Value & _mask];
        entry.Source = packet.Source.Value;
        entry.OutputLow = (uint)packet.Output.Value;
        entry.Timestamp = packet.Timestamp;
        entry.CodecState = packet.CodecState;
        entry.Layer = packet.Layer;
        entry.Codec = packet.Codec;
        entry.Marker = packet.Marker;
        entry.TransportSequence = packet.TransportSequence;
        entry.Retransmissions = 0;
        entry.IsUsed = true;
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

        ref Entry entry = ref _entries[output.Value & _mask];
        if (!entry.IsUsed || entry.OutputLow != (uint)output.Value)
        {
            return RetransmissionDecision.Unknown;
        }

        if (entry.Retransmissions == MaxRetransmissions)
        {
            return RetransmissionDecision.Exhausted;
        }

        TimeSpan interval = roundTrip > MinRetransmissionInterval ? roundTrip : MinRetransmissionInterval;
        if (entry.Retransmissions > 0 && now - entry.RetransmittedAt < interval)
        {
            return RetransmissionDecision.TooSoon;
        }

        entry.Retransmissions++;
        entry.RetransmittedAt = now;
        packet = new SentPacket(new ExtendedSequence(entry.Source), output, entry.Timestamp, entry.Layer, entry.CodecState, entry.Codec, entry.Marker, entry.TransportSequence);
        return RetransmissionDecision.Send;
    }

    /// <summary>Retransmits nothing older from now on: a key frame that the subscriber asked for makes it worthless.</summary>
    public void DiscardBefore(ExtendedSequence output) => _oldestAllowed = Math.Max(_oldestAllowed, output.Value);
}
