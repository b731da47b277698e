using V100.Net;

namespace V100.Simulation.World;

/// <summary>
/// What stands in each packet's payload, behind the codec's own bytes, so that a receiver knows which packet of which source
/// it has; all bytes behind it follow from it, so that a wrong one shows.
/// </summary>
/// <param name="Source">Names the publication and its SSRC's turn.</param>
/// <param name="Number">Counts the packets with media of the source from 0.</param>
/// <param name="Frame">Counts the frames.</param>
/// <param name="Index">The packet's place in its frame.</param>
/// <param name="Count">Packets of the frame.</param>
/// <param name="Timestamp">As the publisher sent it.</param>
/// <param name="CapturedAt">The instant, by the publisher's clock, that the timestamp stands for.</param>
/// <param name="IsKeyframe">Of the whole frame.</param>
internal readonly record struct MediaMark(
    uint Source, uint Number, uint Frame, ushort Index, ushort Count, uint Timestamp, Instant CapturedAt, bool IsKeyframe)
{
    public const int Length = 29;

    public int Write(Span<byte> destination, int fillerLength)
    {
        var writer = new SpanWriter(destination);
        writer.WriteUInt32(Source);
        writer.WriteUInt32(Number);
        writer.WriteUInt32(Frame);
        writer.WriteUInt16(Index);
        writer.WriteUInt16(Count);
        writer.WriteUInt32(Timestamp);
        writer.WriteUInt64((ulong)CapturedAt.Nanoseconds);
        writer.WriteByte(IsKeyframe ? (byte)1 : (byte)0);
        uint state = Start;
        for (int index = 0; index < fillerLength; index++)
        {
            writer.WriteByte(Next(ref state));
        }

        Assert.False(writer.Overflowed);
        return writer.Position;
    }

    /// <summary>False where any byte is not what the publisher wrote.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out MediaMark mark)
    {
        mark = default;
        var reader = new SpanReader(bytes);
        if (!reader.TryReadUInt32(out uint source) || !reader.TryReadUInt32(out uint number) || !reader.TryReadUInt32(out uint frame)
            || !reader.TryReadUInt16(out ushort index) || !reader.TryReadUInt16(out ushort count) || !reader.TryReadUInt32(out uint timestamp)
            || !reader.TryReadUInt64(out ulong capturedAt) || !reader.TryReadByte(out byte keyframe))
        {
            return false;
        }

        mark = new MediaMark(source, number, frame, index, count, timestamp, new Instant((long)capturedAt), keyframe == 1);
        uint state = mark.Start;
        foreach (byte value in reader.Rest)
        {
            if (value != Next(ref state))
            {
                return false;
            }
        }

        return keyframe <= 1;
    }

    private uint Start => (Source * 0x9E37_79B9 ^ Number * 0x85EB_CA6B ^ Frame * 0xC2B2_AE35 ^ Timestamp) | 1;

    private static byte Next(ref uint state)
    {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return (byte)(state >> 11);
    }
}
