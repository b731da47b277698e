using System.Buffers.Binary;
using System.Diagnostics;

namespace V100.Sfu.Rtp;

/// <summary>
/// Makes redundant audio (RFC 2198) of plain frames: each packet gets the one or two frames before it once more, so that a subscriber
/// hears nothing of a single lost packet, and little of two.
/// </summary>
/// <remarks>
/// What it makes is the same for all subscribers but for the payload type of the blocks, which <see cref="RedPayload.TryRewrite"/> gives a copy
/// of it: one encoder for each track on each shard. <see cref="Write"/> every packet of one source, in the order of arrival.
/// Only frames with the numbers directly before go in: a receiver may count blocks to find a frame's number. What is lost is not waited for.
/// </remarks>
public sealed class RedEncoder
{
    /// <summary>Frames that come again.</summary>
    public const int MaxRedundancy = 2;

    // Enough for frames that come a little out of order.
    private const int KeptFrames = 8;

    private readonly Kept[] _kept = new Kept[KeptFrames];
    private readonly byte[] _data = new byte[KeptFrames * RedReader.MaxBlockLength];
    private readonly int _redundancy;

    private struct Kept
    {
        public long Sequence;
        public uint Timestamp;
        public int Length;
    }

    /// <param name="redundancy">1 or 2.</param>
    public RedEncoder(int redundancy)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(redundancy, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(redundancy, MaxRedundancy);
        _redundancy = redundancy;
    }

    /// <summary>Bytes that a payload may grow by.</summary>
    public int MaxOverhead => 1 + _redundancy * (RedReader.RedundantHeaderLength + RedReader.MaxBlockLength);

    /// <summary>Another source: its numbers begin anew.</summary>
    public void Reset() => Array.Clear(_kept);

    /// <summary>Writes the redundant payload of a frame, with block payload type 0, and keeps the frame.</summary>
    /// <param name="sequence">The source's number.</param>
    /// <param name="timestamp">The source's.</param>
    /// <param name="frame">The plain payload.</param>
    /// <param name="target">Where older frames do not fit they are left out.</param>
    /// <returns>The length; 0 for an empty frame, or one that does not fit.</returns>
    public int Write(ExtendedSequence sequence, uint timestamp, ReadOnlySpan<byte> frame, Span<byte> target)
    {
        if (frame.IsEmpty || 1 + frame.Length > target.Length)
        {
            return 0;
        }

        int count = CountRedundant(sequence, timestamp, target.Length - 1 - frame.Length);
        int header = 0;
        int position = count * RedReader.RedundantHeaderLength + 1;
        for (int back = count; back > 0; back--)
        {
            ref readonly Kept kept = ref KeptOf(sequence - back);
            uint fields = (uint)RedReader.FollowBit << 24 | (timestamp - kept.Timestamp) << 10 | (uint)kept.Length;
            BinaryPrimitives.WriteUInt32BigEndian(target[header..], fields);
            header += RedReader.RedundantHeaderLength;
            DataOf(sequence - back)[..kept.Length].CopyTo(target[position..]);
            position += kept.Length;
        }

        target[header] = 0;
        frame.CopyTo(target[position..]);
        Keep(sequence, timestamp, frame);
        return position + frame.Length;
    }

    private int CountRedundant(ExtendedSequence sequence, uint timestamp, int room)
    {
        int count = 0;
        uint newer = timestamp;
        for (; count < _redundancy; count++)
        {
            ref readonly Kept kept = ref KeptOf(sequence - (count + 1));
            room -= RedReader.RedundantHeaderLength + kept.Length;

            // After a pause (DTX) the frame before is too old for the 14 bits, and of no use.
            if (kept.Sequence != (sequence - (count + 1)).Value || kept.Length == 0 || room < 0
                || (int)(newer - kept.Timestamp) <= 0 || timestamp - kept.Timestamp > RedReader.MaxTimestampOffset)
            {
                break;
            }

            newer = kept.Timestamp;
        }

        return count;
    }

    private void Keep(ExtendedSequence sequence, uint timestamp, ReadOnlySpan<byte> frame)
    {
        ref Kept kept = ref KeptOf(sequence);
        if (kept.Length > 0 && kept.Sequence > sequence.Value)
        {
            return;
        }

        kept.Sequence = sequence.Value;
        kept.Timestamp = timestamp;
        kept.Length = frame.Length <= RedReader.MaxBlockLength ? frame.Length : 0;
        frame[..kept.Length].CopyTo(DataOf(sequence));
    }

    private ref Kept KeptOf(ExtendedSequence sequence)
    {
        Debug.Assert(sequence.Value >= 0);
        return ref _kept[sequence.Value & (KeptFrames - 1)];
    }

    private Span<byte> DataOf(ExtendedSequence sequence) =>
        _data.AsSpan((int)(sequence.Value & (KeptFrames - 1)) * RedReader.MaxBlockLength, RedReader.MaxBlockLength);
}
