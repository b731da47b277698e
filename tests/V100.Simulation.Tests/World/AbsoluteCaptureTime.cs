using System.Buffers.Binary;

namespace V100.Simulation.World;

/// <summary>
/// The abs-capture-time header extension: when the frame was captured, by the clock of who captured it, and how far that clock is ahead of the
/// sender's, as the sender's reports tell it.
/// </summary>
/// <param name="CapturedAt">Seconds since 1900 in 32.32 fixed point, by the capturer's clock.</param>
/// <param name="ClockOffset">Capturer's clock − sender's clock, signed 32.32; null where the sender does not say.</param>
internal readonly record struct AbsoluteCaptureTime(ulong CapturedAt, long? ClockOffset)
{
    public const int ShortLength = 8;
    public const int FullLength = 16;

    public static bool TryRead(ReadOnlySpan<byte> extension, out AbsoluteCaptureTime time)
    {
        time = default;
        if (extension.Length is not (ShortLength or FullLength))
        {
            return false;
        }

        time = new AbsoluteCaptureTime(
            BinaryPrimitives.ReadUInt64BigEndian(extension),
            extension.Length == FullLength ? BinaryPrimitives.ReadInt64BigEndian(extension[ShortLength..]) : null);
        return true;
    }

    /// <summary>Returns the bytes written; 0 when they do not fit.</summary>
    public int Write(Span<byte> target)
    {
        int length = ClockOffset is null ? ShortLength : FullLength;
        if (target.Length < length)
        {
            return 0;
        }

        BinaryPrimitives.WriteUInt64BigEndian(target, CapturedAt);
        if (ClockOffset is long offset)
        {
            BinaryPrimitives.WriteInt64BigEndian(target[ShortLength..], offset);
        }

        return length;
    }
}
