using V100.Net;
using V100.Sfu.Rtp;
using StatusChunk = V100.Sfu.Rtcp.TransportFeedback.StatusChunk;
using StatusSymbol = V100.Sfu.Rtcp.TransportFeedback.StatusSymbol;

namespace V100.Sfu.Rtcp;

/// <summary>Writes transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1).</summary>
public static class TransportFeedbackWriter
{
    /// <summary>Stands for a packet that has not arrived.</summary>
    public const long NotReceived = long.MinValue;

    /// <summary>The most packets that one feedback is about, here.</summary>
    public const int MaxStatusCount = 1024;

    private const int HeaderLength = RtcpPacket.HeaderLength + TransportFeedback.FixedLength;

    /// <summary>Who says it, of which stream, and the count of feedback packets before this one.</summary>
    public readonly record struct Fields(Ssrc Sender, Ssrc Media, SequenceNumber BaseSequence, byte FeedbackCount);

    /// <summary>
    /// Writes one packet about the first of <paramref name="arrivalTicks"/>: as many as fit the room, <see cref="MaxStatusCount"/>,
    /// and the range of the deltas (8 s). The rest belongs into a next packet.
    /// </summary>
    /// <param name="writer">Where the packet goes.</param>
    /// <param name="fields">The header's fields.</param>
    /// <param name="arrivalTicks">For each packet from the base on, its arrival in 250 µs, or <see cref="NotReceived"/>.</param>
    /// <returns>How many packets it is about; 0, with nothing written, when there is no arrival or no room.</returns>
    public static int Write(ref SpanWriter writer, in Fields fields, scoped ReadOnlySpan<long> arrivalTicks)
    {
        Span<byte> symbols = stackalloc byte[MaxStatusCount];
        int room = writer.Remaining - HeaderLength - 3;
        int count = Classify(arrivalTicks, room, symbols, out long reference, out int deltaBytes);
        if (count == 0)
        {
            return 0;
        }

        symbols = symbols[..count];
        int chunkBytes = 2 * CountChunks(symbols);
        int length = TransportFeedback.FixedLength + chunkBytes + deltaBytes;
        int padded = length + 3 & ~3;
        RtcpPacket.WriteHeader(
            ref writer, RtcpPacketType.TransportFeedback, (int)TransportFeedbackFormat.TransportWideCongestionControl, padded);
        writer.WriteUInt32(fields.Sender.Value);
        writer.WriteUInt32(fields.Media.Value);
        writer.WriteUInt16(fields.BaseSequence.Value);
        writer.WriteUInt16((ushort)count);
        writer.WriteUInt24((uint)reference & 0xFF_FFFF);
        writer.WriteByte(fields.FeedbackCount);
        for (ReadOnlySpan<byte> rest = symbols; !rest.IsEmpty;)
        {
            rest = rest[TakeChunk(rest, out ushort chunk)..];
            writer.WriteUInt16(chunk);
        }

        WriteDeltas(ref writer, arrivalTicks[..count], reference);
        writer.WriteZeros(padded - length);
        return count;
    }

    private static int Classify(ReadOnlySpan<long> arrivalTicks, int room, Span<byte> symbols, out long reference, out int deltaBytes)
    {
        reference = 0;
        deltaBytes = 0;
        int count = 0;
        long previous = NotReceived;
        for (; count < arrivalTicks.Length && count < symbols.Length; count++)
        {
            long ticks = arrivalTicks[count];
            int size = 0;
            if (ticks != NotReceived)
            {
                if (previous == NotReceived)
                {
                    reference = ticks >> 8; // 256 ticks, rounded down
                    previous = reference * TransportFeedback.TicksPerReference;
                }

                long delta = ticks - previous;
                if (delta is < short.MinValue or > short.MaxValue)
                {
                    break;
                }

                size = delta is >= 0 and <= byte.MaxValue ? 1 : 2;
                previous = ticks;
            }

            // Every chunk but the last says at least 7 symbols, in two bytes; room is kept for that many, though runs need fewer.
            if (2 * (count / 7 + 1) + deltaBytes + size > room)
            {
                break;
            }

            symbols[count] = (byte)size;
            deltaBytes += size;
        }

        return previous == NotReceived ? 0 : count;
    }

    private static void WriteDeltas(ref SpanWriter writer, scoped ReadOnlySpan<long> arrivalTicks, long reference)
    {
        long previous = reference * TransportFeedback.TicksPerReference;
        foreach (long ticks in arrivalTicks)
        {
            if (ticks == NotReceived)
            {
                continue;
            }

            long delta = ticks - previous;
            previous = ticks;
            if (delta is >= 0 and <= byte.MaxValue)
            {
                writer.WriteByte((byte)delta);
            }
            else
            {
                writer.WriteUInt16((ushort)(short)delta);
            }
        }
    }

    private static int CountChunks(ReadOnlySpan<byte> symbols)
    {
        int chunks = 0;
        for (; !symbols.IsEmpty; chunks++)
        {
            symbols = symbols[TakeChunk(symbols, out _)..];
        }

        return chunks;
    }

    // The chunk that says most: a run when it is as long as the vector that would begin here, else the denser vector.
    private static int TakeChunk(ReadOnlySpan<byte> symbols, out ushort chunk)
    {
        byte first = symbols[0];
        int run = symbols.IndexOfAnyExcept(first);
        run = Math.Min(run < 0 ? symbols.Length : run, StatusChunk.MaxRunLength);
        int vector = symbols[..Math.Min(symbols.Length, 14)].Contains((byte)StatusSymbol.LargeDelta) ? 7 : 14;
        if (run >= Math.Min(vector, symbols.Length))
        {
            chunk = (ushort)(first << 13 | run);
            return run;
        }

        int count = Math.Min(vector, symbols.Length);
        int value = vector == 14 ? 0x8000 : 0xC000;
        for (int index = 0; index < count; index++)
        {
            value |= symbols[index] << (vector == 14 ? 13 - index : 12 - 2 * index);
        }

        chunk = (ushort)value;
        return count;
    }
}
