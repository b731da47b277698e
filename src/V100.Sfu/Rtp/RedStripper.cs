using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>One frame of a packet of redundant audio, to be forwarded as a packet of its own.</summary>
/// <param name="Sequence">The source's number of the packet that bears it as its own.</param>
/// <param name="Timestamp">The source's.</param>
/// <param name="Start">Where it begins in the payload that was stripped.</param>
/// <param name="Length">In bytes.</param>
/// <param name="IsRecovered">Its own packet has not come.</param>
public readonly record struct RedFrame(ExtendedSequence Sequence, uint Timestamp, int Start, int Length, bool IsRecovered);

/// <summary>
/// Makes plain frames of redundant audio (RFC 2198), for subscribers that take no RED: the primary block of each packet, and before it those
/// redundant blocks whose own packets are missing, under the numbers that these left open.
/// </summary>
/// <remarks>
/// What comes out is the same for all subscribers: one stripper for each track on each shard. Call <see cref="Strip"/> for each packet of one source
/// as it comes, <see cref="TryNote"/> for those that are plain or padding. Of a frame that was recovered, the packet that comes late is not
/// given again. A redundant block whose time does not lie between its neighbours' is not believed.
/// The window has 64 packets: what is older is not given.
/// </remarks>
/// <param name="payloadType">The publisher's payload type of the frames within, as negotiated; blocks of others are left out.</param>
public sealed class RedStripper(byte payloadType)
{
    private const int WindowLength = 64;

    private readonly uint[] _timestamps = new uint[WindowLength];
    private ulong _handled;
    private ulong _hasTimestamp;
    private long _newest = long.MinValue;
    private long _first;

    /// <summary>Room that <see cref="Strip"/> needs.</summary>
    public const int MaxFrames = RedReader.MaxBlocks;

    /// <summary>Of the frames within.</summary>
    public byte PayloadType { get; set; } = payloadType;

    /// <summary>Frames that came in other packets than their own.</summary>
    public long RecoveredCount { get; private set; }

    /// <summary>Another source: its numbers begin anew.</summary>
    public void Reset()
    {
        _newest = long.MinValue;
        _handled = _hasTimestamp = 0;
    }

    /// <summary>The frames of a packet that are to be forwarded, the oldest first.</summary>
    /// <returns>How many; none for a malformed payload or one that brings nothing new.</returns>
    public int Strip(ExtendedSequence sequence, uint timestamp, ReadOnlySpan<byte> payload, Span<RedFrame> frames)
    {
        if (!RedReader.TryParse(payload, out RedReader red) || !IsInWindow(sequence.Value))
        {
            return 0;
        }

        // The primary is marked first: what it overtook lies within the window then.
        RedBlock primary = red.FromEnd(0);
        bool isPrimaryNew = primary.PayloadType == PayloadType && !primary.Data.IsEmpty && TryNote(sequence, timestamp);
        int count = Recover(in red, sequence, timestamp, payload.Length - primary.Data.Length, frames);
        if (isPrimaryNew)
        {
            frames[count++] = new RedFrame(sequence, timestamp, payload.Length - primary.Data.Length, primary.Data.Length, false);
        }

        return count;
    }

    /// <summary>Takes note of a packet that is no RED, or of padding alone; false where its frame went out before, or it is too old.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="timestamp">Null where it bears no frame.</param>
    public bool TryNote(ExtendedSequence sequence, uint? timestamp)
    {
        long value = sequence.Value;
        if (_newest == long.MinValue)
        {
            _newest = _first = value;
        }

        if (!IsInWindow(value) || value < _first)
        {
            return false;
        }

        if (value > _newest)
        {
            for (long skipped = Math.Max(_newest, value - WindowLength) + 1; skipped <= value; skipped++)
            {
                _handled &= ~Bit(skipped);
                _hasTimestamp &= ~Bit(skipped);
            }

            _newest = value;
        }

        if ((_handled & Bit(value)) != 0)
        {
            return false;
        }

        _handled |= Bit(value);
        if (timestamp is uint known)
        {
            _hasTimestamp |= Bit(value);
            _timestamps[value & (WindowLength - 1)] = known;
        }

        return true;
    }

    /// <summary>
    /// The frame with a number that was sent before, out of the packets that are kept: its own, or one of the next that has it as
    /// redundancy. The span is valid as long as the cache is not changed.
    /// </summary>
    /// <param name="cache">Of the redundant packets.</param>
    /// <param name="sequence">The frame's number.</param>
    /// <param name="payloadType">Of the frames within.</param>
    /// <param name="now">The present.</param>
    /// <param name="packet">The packet that bears it, for its extensions: they are the frame's own only if <paramref name="isRecovered"/> is false.</param>
    /// <param name="frame">The plain payload.</param>
    /// <param name="isRecovered">Its own packet is not there.</param>
    public static bool TryFind(
        RetransmissionCache cache, ExtendedSequence sequence, byte payloadType, Instant now, out RtpReader packet, out ReadOnlySpan<byte> frame, out bool isRecovered)
    {
        for (int back = 0; back < MaxFrames; back++)
        {
            if (cache.TryGet(sequence + back, now, out PacketBuffer buffer) && RtpReader.TryParse(buffer.Bytes, out packet)
                && RedReader.TryParse(packet.Payload, out RedReader red) && back < red.Count)
            {
                RedBlock block = red.FromEnd(back);
                frame = block.Data;
                isRecovered = back > 0;
                if (block.PayloadType == payloadType && !frame.IsEmpty)
                {
                    return true;
                }
            }
        }

        packet = default;
        frame = default;
        isRecovered = false;
        return false;
    }

    private int Recover(in RedReader red, ExtendedSequence sequence, uint timestamp, int primaryStart, Span<RedFrame> frames)
    {
        int count = 0;
        int end = primaryStart;
        int newerOffset = 0;
        for (int back = 1; back < red.Count; back++)
        {
            // Going back, each block is older than the one before, or the list makes no sense from here on.
            RedBlock block = red.FromEnd(back);
            end -= block.Data.Length;
            if (block.TimestampOffset <= newerOffset)
            {
                break;
            }

            newerOffset = block.TimestampOffset;
            ExtendedSequence own = sequence - back;
            uint ownTimestamp = timestamp - (uint)block.TimestampOffset;
            if (block.PayloadType == PayloadType && !block.Data.IsEmpty && IsMissing(own.Value) && LiesBetweenNeighbours(own.Value, ownTimestamp))
            {
                TryNote(own, ownTimestamp);
                frames[count++] = new RedFrame(own, ownTimestamp, end, block.Data.Length, true);
            }
        }

        RecoveredCount += count;
        frames[..count].Reverse();
        return count;
    }

    private bool IsInWindow(long sequence) => _newest == long.MinValue || _newest - sequence < WindowLength;

    private bool IsMissing(long sequence) =>
        _newest != long.MinValue && sequence > _first && sequence < _newest && IsInWindow(sequence) && (_handled & Bit(sequence)) == 0;

    private bool LiesBetweenNeighbours(long sequence, uint timestamp)
    {
        for (long older = sequence - 1; IsInWindow(older) && older >= _first; older--)
        {
            if ((_hasTimestamp & Bit(older)) != 0)
            {
                if ((int)(timestamp - _timestamps[older & (WindowLength - 1)]) <= 0)
                {
                    return false;
                }

                break;
            }
        }

        for (long newer = sequence + 1; newer <= _newest; newer++)
        {
            if ((_hasTimestamp & Bit(newer)) != 0)
            {
                return (int)(_timestamps[newer & (WindowLength - 1)] - timestamp) > 0;
            }
        }

        return true;
    }

    private static ulong Bit(long sequence) => 1UL << (int)(sequence & (WindowLength - 1));
}
