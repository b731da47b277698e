using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>What a receiver says of one source (RFC 3550, 6.4.1).</summary>
/// <param name="Source">The stream that the block is about.</param>
/// <param name="FractionLost">Of the packets expected since the last report, in 1/256.</param>
/// <param name="CumulativeLost">24 bits, signed: duplicates make it negative.</param>
/// <param name="HighestSequence">The highest sequence number with the count of wraps above it.</param>
/// <param name="Jitter">In units of the timestamp.</param>
/// <param name="LastSenderReport">LSR: the middle 32 bits of the last sender report's NTP time; 0 before one came.</param>
/// <param name="DelaySinceLastSenderReport">DLSR, in 1/65,536 s.</param>
public readonly record struct ReportBlock(
    Ssrc Source, byte FractionLost, int CumulativeLost, uint HighestSequence, uint Jitter, uint LastSenderReport, uint DelaySinceLastSenderReport)
{
    public const int Length = 24;

    /// <summary>The most blocks that one packet's five-bit count allows.</summary>
    public const int MaxCount = 31;

    internal static ReportBlock Read(ReadOnlySpan<byte> block) => new(
        new Ssrc(BinaryPrimitives.ReadUInt32BigEndian(block)),
        block[4],
        BinaryPrimitives.ReadInt32BigEndian(block[4..]) << 8 >> 8,
        BinaryPrimitives.ReadUInt32BigEndian(block[8..]),
        BinaryPrimitives.ReadUInt32BigEndian(block[12..]),
        BinaryPrimitives.ReadUInt32BigEndian(block[16..]),
        BinaryPrimitives.ReadUInt32BigEndian(block[20..]));

    internal void Write(ref SpanWriter writer)
    {
        writer.WriteUInt32(Source.Value);
        writer.WriteByte(FractionLost);
        writer.WriteUInt24((uint)Math.Clamp(CumulativeLost, -0x80_0000, 0x7F_FFFF) & 0xFF_FFFF);
        writer.WriteUInt32(HighestSequence);
        writer.WriteUInt32(Jitter);
        writer.WriteUInt32(LastSenderReport);
        writer.WriteUInt32(DelaySinceLastSenderReport);
    }
}

/// <summary>The report blocks of a sender or receiver report: a view.</summary>
public readonly ref struct ReportBlocks(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Count => _bytes.Length / ReportBlock.Length;

    public ReportBlock this[int index] => ReportBlock.Read(_bytes.Slice(index * ReportBlock.Length, ReportBlock.Length));

    public Enumerator GetEnumerator() => new(this);

    /// <summary>The <paramref name="count"/> blocks at the start of <paramref name="bytes"/>; what follows them is a profile's extension.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> bytes, int count, out ReportBlocks blocks)
    {
        int length = count * ReportBlock.Length;
        bool fits = length <= bytes.Length;
        blocks = fits ? new ReportBlocks(bytes[..length]) : default;
        return fits;
    }

    public ref struct Enumerator(ReportBlocks blocks)
    {
        private readonly ReportBlocks _blocks = blocks;
        private int _index = -1;

        public readonly ReportBlock Current => _blocks[_index];

        public bool MoveNext() => ++_index < _blocks.Count;
    }
}
