using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>
/// Congestion control feedback (RFC 8888, 3.1): for each packet of the streams that it names, whether and when it arrived. A view, and a
/// writer.
/// </summary>
public readonly ref struct CongestionControlFeedback
{
    /// <summary>RFC 8888, 3.1: a block about more packets is discarded.</summary>
    public const int MaxReports = 16_384;

    /// <summary>Stands for an arrival that is not known, or after the report's time.</summary>
    public const int NoOffset = 0x1FFF;

    /// <summary>Stands for an arrival so long ago that it cannot be said.</summary>
    public const int OverRange = 0x1FFE;

    private const int BlockHeaderLength = 8;
    private const int FixedLength = 8;
    private const int ReportLength = 2;
    private const ushort ReceivedBit = 0x8000;
    private const int EcnShift = 13;

    private readonly ReadOnlySpan<byte> _body;

    private CongestionControlFeedback(ReadOnlySpan<byte> body) => _body = body;

    public Ssrc Sender => new(BinaryPrimitives.ReadUInt32BigEndian(_body));

    /// <summary>When the feedback was made, in 1/65,536 s of the receiver's clock (the middle of an NTP timestamp).</summary>
    public uint Timestamp => BinaryPrimitives.ReadUInt32BigEndian(_body[^4..]);

    public static bool TryParse(in RtcpPacket packet, out CongestionControlFeedback feedback)
    {
        feedback = default;
        ReadOnlySpan<byte> body = packet.Body;
        if (!packet.IsTransportFeedback(TransportFeedbackFormat.CongestionControl) || body.Length < FixedLength)
        {
            return false;
        }

        ReadOnlySpan<byte> blocks = body[4..^4];
        while (!blocks.IsEmpty)
        {
            if (blocks.Length < BlockHeaderLength)
            {
                return false;
            }

            int count = CountOf(blocks);
            if (count > MaxReports || BlockLength(count) > blocks.Length)
            {
                return false;
            }

            blocks = blocks[BlockLength(count)..];
        }

        feedback = new CongestionControlFeedback(body);
        return true;
    }

    public Enumerator GetEnumerator() => new(_body[4..^4]);

    /// <summary>What is said of one packet.</summary>
    /// <param name="Ssrc">The packet's stream.</param>
    /// <param name="Sequence">Its number there.</param>
    /// <param name="IsReceived">Whether it had arrived when the feedback was made.</param>
    /// <param name="Ecn">The two bits of ECN that it arrived with; 0 when it did not.</param>
    /// <param name="Offset">By how many 1/1024 s it arrived before <see cref="Timestamp"/>; or <see cref="NoOffset"/>, <see cref="OverRange"/>.</param>
    public readonly record struct Report(Ssrc Ssrc, SequenceNumber Sequence, bool IsReceived, byte Ecn, int Offset)
    {
        /// <summary>The time of arrival is known.</summary>
        public bool HasTime => IsReceived && Offset < OverRange;
    }

    /// <summary>Bytes that a packet takes with one block for each of the numbers of reports.</summary>
    public static int GetLength(scoped ReadOnlySpan<int> reportCounts)
    {
        int length = RtcpPacket.HeaderLength + FixedLength;
        foreach (int count in reportCounts)
        {
            length += BlockLength(count);
        }

        return length;
    }

    /// <summary>
    /// Writes one packet about <paramref name="reports"/>, of which those of one stream stand together in the order of its sequence without
    /// gaps. False, with nothing written, when it does not fit.
    /// </summary>
    public static bool Write(ref SpanWriter writer, Ssrc sender, uint timestamp, scoped ReadOnlySpan<Report> reports)
    {
        int body = FixedLength;
        for (ReadOnlySpan<Report> rest = reports; !rest.IsEmpty; rest = rest[CountInBlock(rest)..])
        {
            body += BlockLength(CountInBlock(rest));
        }

        if (writer.Remaining < RtcpPacket.HeaderLength + body)
        {
            return false;
        }

        RtcpPacket.WriteHeader(ref writer, RtcpPacketType.TransportFeedback, (int)TransportFeedbackFormat.CongestionControl, body);
        writer.WriteUInt32(sender.Value);
        for (ReadOnlySpan<Report> rest = reports; !rest.IsEmpty;)
        {
            int count = CountInBlock(rest);
            writer.WriteUInt32(rest[0].Ssrc.Value);
            writer.WriteUInt16(rest[0].Sequence.Value);
            writer.WriteUInt16((ushort)count);
            foreach (ref readonly Report report in rest[..count])
            {
                writer.WriteUInt16(report.IsReceived ? (ushort)(ReceivedBit | (report.Ecn & 3) << EcnShift | report.Offset & NoOffset) : (ushort)0);
            }

            writer.WriteZeros(BlockLength(count) - BlockHeaderLength - ReportLength * count);
            rest = rest[count..];
        }

        writer.WriteUInt32(timestamp);
        return true;
    }

    private static int CountInBlock(ReadOnlySpan<Report> reports)
    {
        int count = 1;
        while (count < Math.Min(reports.Length, MaxReports)
            && reports[count].Ssrc == reports[0].Ssrc
            && reports[count].Sequence == reports[0].Sequence + count)
        {
            count++;
        }

        return count;
    }

    private static int CountOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadUInt16BigEndian(block[6..]);

    // RFC 8888, 3.1: an odd number of reports is followed by 16 bits of padding.
    private static int BlockLength(int count) => BlockHeaderLength + (ReportLength * count + 3 & ~3);

    public ref struct Enumerator
    {
        private ReadOnlySpan<byte> _blocks;
        private int _count;
        private int _index;

        internal Enumerator(ReadOnlySpan<byte> blocks)
        {
            _blocks = blocks;
            _count = blocks.IsEmpty ? 0 : CountOf(blocks);
        }

        public Report Current { readonly get; private set; }

        public bool MoveNext()
        {
            while (_index == _count)
            {
                if (_blocks.IsEmpty)
                {
                    return false;
                }

                _blocks = _blocks[BlockLength(_count)..];
                _count = _blocks.IsEmpty ? 0 : CountOf(_blocks);
                _index = 0;
            }

            ushort value = BinaryPrimitives.ReadUInt16BigEndian(_blocks[(BlockHeaderLength + ReportLength * _index)..]);
            var ssrc = new Ssrc(BinaryPrimitives.ReadUInt32BigEndian(_blocks));
            SequenceNumber sequence = new SequenceNumber(BinaryPrimitives.ReadUInt16BigEndian(_blocks[4..])) + _index;
            _index++;

            // RFC 8888, 3.1: of a packet that did not arrive the other bits are ignored.
            Current = (value & ReceivedBit) == 0
                ? new Report(ssrc, sequence, false, 0, NoOffset)
                : new Report(ssrc, sequence, true, (byte)(value >> EcnShift & 3), value & NoOffset);
            return true;
        }
    }
}
