using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>One block of redundant audio: a view.</summary>
/// <param name="payloadType">Of what it holds.</param>
/// <param name="timestampOffset">How much older than the packet's own timestamp it is; 0 for the primary block.</param>
/// <param name="data">One frame.</param>
public readonly ref struct RedBlock(byte payloadType, int timestampOffset, ReadOnlySpan<byte> data)
{
    public readonly byte PayloadType = payloadType;
    public readonly int TimestampOffset = timestampOffset;
    public readonly ReadOnlySpan<byte> Data = data;
}

/// <summary>
/// The payload of redundant audio (RFC 2198, 3): block headers, then the blocks in the same order, the oldest first and the packet's own
/// frame, the primary block, last.
/// </summary>
public readonly ref struct RedReader
{
    /// <summary>More blocks than this are no audio: senders have one to three.</summary>
    public const int MaxBlocks = 16;

    /// <summary>Of a redundant block, in bytes (10 bits).</summary>
    public const int MaxBlockLength = 0x3FF;

    /// <summary>14 bits, in timestamp units: 341 ms of Opus.</summary>
    public const int MaxTimestampOffset = 0x3FFF;

    internal const int RedundantHeaderLength = 4;
    internal const byte FollowBit = 0x80;

    private readonly ReadOnlySpan<byte> _payload;

    private RedReader(ReadOnlySpan<byte> payload, int count)
    {
        _payload = payload;
        Count = count;
    }

    /// <summary>Blocks, the primary one included.</summary>
    public int Count { get; }

    /// <summary>False for headers without an end, or that promise more bytes than there are.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out RedReader reader)
    {
        reader = default;
        int redundantBytes = 0;
        int position = 0;
        for (int count = 1; count <= MaxBlocks && position < payload.Length; count++)
        {
            if ((payload[position] & FollowBit) == 0)
            {
                // RFC 2198, 3: the primary block has what the others leave.
                bool fits = position + 1 + redundantBytes <= payload.Length;
                reader = fits ? new RedReader(payload, count) : default;
                return fits;
            }

            if (position + RedundantHeaderLength > payload.Length)
            {
                return false;
            }

            redundantBytes += BinaryPrimitives.ReadUInt16BigEndian(payload[(position + 2)..]) & MaxBlockLength;
            position += RedundantHeaderLength;
        }

        return false;
    }

    /// <summary>The block <paramref name="back"/> frames before the primary one, which is 0 back.</summary>
    public RedBlock FromEnd(int back)
    {
        int wanted = Count - 1 - back;
        int dataStart = (Count - 1) * RedundantHeaderLength + 1;
        for (int index = 0; index < wanted; index++)
        {
            dataStart += LengthOf(index);
        }

        int header = wanted * RedundantHeaderLength;
        byte payloadType = (byte)(_payload[header] & ~FollowBit);
        return back == 0
            ? new RedBlock(payloadType, 0, _payload[dataStart..])
            : new RedBlock(payloadType, BinaryPrimitives.ReadUInt16BigEndian(_payload[(header + 1)..]) >> 2, _payload.Slice(dataStart, LengthOf(wanted)));
    }

    private int LengthOf(int index) => BinaryPrimitives.ReadUInt16BigEndian(_payload[(index * RedundantHeaderLength + 2)..]) & MaxBlockLength;
}
