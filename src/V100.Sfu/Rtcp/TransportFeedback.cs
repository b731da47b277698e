using System.Buffers.Binary;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>
/// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1): for each packet of a
/// transport, whether and when it arrived. A view; <see cref="TransportFeedbackWriter"/> writes.
/// </summary>
public readonly ref struct TransportFeedback
{
    /// <summary>Ticks of 250 µs in a unit of the reference time (64 ms).</summary>
    internal const int TicksPerReference = 256;

    internal const int FixedLength = 16;

    private readonly ReadOnlySpan<byte> _body;
    private readonly int _deltasStart;

    private TransportFeedback(ReadOnlySpan<byte> body, int deltasStart)
    {
        _body = body;
        _deltasStart = deltasStart;
    }

    public Ssrc Sender => new(BinaryPrimitives.ReadUInt32BigEndian(_body));
    public Ssrc Media => new(BinaryPrimitives.ReadUInt32BigEndian(_body[4..]));

    /// <summary>The first packet that this feedback is about.</summary>
    public SequenceNumber BaseSequence => new(BinaryPrimitives.ReadUInt16BigEndian(_body[8..]));

    /// <summary>How many packets, from the base on, it is about.</summary>
    public int StatusCount => BinaryPrimitives.ReadUInt16BigEndian(_body[10..]);

    /// <summary>24 bits, signed, in units of 64 ms of the receiver's clock.</summary>
    public int ReferenceTime => BinaryPrimitives.ReadInt32BigEndian(_body[12..]) >> 8;

    /// <summary>Counts the feedback packets, so that lost ones are noticed.</summary>
    public byte FeedbackCount => _body[15];

    public static bool TryParse(in RtcpPacket packet, out TransportFeedback feedback)
    {
        feedback = default;
        ReadOnlySpan<byte> body = packet.Body;
        if (!packet.IsTransportFeedback(TransportFeedbackFormat.TransportWideCongestionControl) || body.Length < FixedLength)
        {
            return false;
        }

        int left = BinaryPrimitives.ReadUInt16BigEndian(body[10..]);
        int position = FixedLength;
        int deltaBytes = 0;
        while (left > 0)
        {
            if (position + 2 > body.Length)
            {
                return false;
            }

            var chunk = new StatusChunk(BinaryPrimitives.ReadUInt16BigEndian(body[position..]));
            position += 2;
            int count = Math.Min(chunk.Count, left);
            if (count == 0 || !chunk.TryAddDeltaBytes(count, ref deltaBytes))
            {
                return false;
            }

            left -= count;
        }

        if (position + deltaBytes > body.Length)
        {
            return false;
        }

        feedback = new TransportFeedback(body, position);
        return true;
    }

    public Enumerator GetEnumerator() => new(this);

    /// <summary>What is said of one packet.</summary>
    /// <param name="Sequence">The packet's transport-wide number.</param>
    /// <param name="IsReceived">Whether it had arrived when the feedback was made.</param>
    /// <param name="ArrivalTicks">When, in 250 µs of the receiver's clock, which wraps with the reference time's 24 bits.</param>
    public readonly record struct Status(SequenceNumber Sequence, bool IsReceived, long ArrivalTicks);

    public ref struct Enumerator
    {
        private readonly ReadOnlySpan<byte> _body;
        private readonly int _count;
        private readonly SequenceNumber _base;
        private int _index;
        private int _chunkPosition = FixedLength;
        private int _deltaPosition;
        private StatusChunk _chunk;
        private int _indexInChunk;
        private long _ticks;

        internal Enumerator(TransportFeedback feedback)
        {
            _body = feedback._body;
            _count = feedback.StatusCount;
            _base = feedback.BaseSequence;
            _deltaPosition = feedback._deltasStart;
            _ticks = (long)feedback.ReferenceTime * TicksPerReference;
        }

        public Status Current { readonly get; private set; }

        public bool MoveNext()
        {
            if (_index == _count)
            {
                return false;
            }

            if (_indexInChunk == _chunk.Count)
            {
                _chunk = new StatusChunk(BinaryPrimitives.ReadUInt16BigEndian(_body[_chunkPosition..]));
                _chunkPosition += 2;
                _indexInChunk = 0;
            }

            StatusSymbol symbol = _chunk[_indexInChunk++];
            if (symbol == StatusSymbol.SmallDelta)
            {
                _ticks += _body[_deltaPosition++];
            }
            else if (symbol == StatusSymbol.LargeDelta)
            {
                _ticks += BinaryPrimitives.ReadInt16BigEndian(_body[_deltaPosition..]);
                _deltaPosition += 2;
            }

            Current = new Status(_base + _index++, symbol != StatusSymbol.NotReceived, _ticks);
            return true;
        }
    }

    internal enum StatusSymbol
    {
        NotReceived = 0,
        SmallDelta = 1,
        LargeDelta = 2,
        Reserved = 3,
    }

    /// <summary>Draft, 3.1.3 and 3.1.4: one symbol for a run, or a vector of 14 one-bit or 7 two-bit symbols.</summary>
    internal readonly struct StatusChunk(ushort value)
    {
        public const int MaxRunLength = 0x1FFF;

        private readonly ushort _value = value;

        public int Count => (_value & 0x8000) == 0 ? _value & MaxRunLength : (_value & 0x4000) == 0 ? 14 : 7;

        public StatusSymbol this[int index] => (StatusSymbol)(
            (_value & 0x8000) == 0 ? _value >> 13 & 0x03
            : (_value & 0x4000) == 0 ? _value >> (13 - index) & 0x01
            : _value >> (12 - 2 * index) & 0x03);

        public bool TryAddDeltaBytes(int count, ref int deltaBytes)
        {
            if ((_value & 0x8000) == 0)
            {
                deltaBytes += count * (int)this[0];
                return this[0] != StatusSymbol.Reserved;
            }

            for (int index = 0; index < count; index++)
            {
                // A symbol's number is the bytes of its delta; the third is reserved.
                StatusSymbol symbol = this[index];
                deltaBytes += (int)symbol;
                if (symbol == StatusSymbol.Reserved)
                {
                    return false;
                }
            }

            return true;
        }
    }
}
