using System.Diagnostics;
using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// The abs-send-time header extension: when a packet left, in seconds of 6.18 fixed point, which wrap after 64 s. Only differences
/// mean anything, so V100's is of its monotonic clock.
/// </summary>
public static class AbsoluteSendTime
{
    public const int Length = 3;
    private const int FractionBits = 18;

    /// <summary>24 bits.</summary>
    public static uint From(Instant now) => (uint)(((UInt128)(ulong)now.Nanoseconds << FractionBits) / 1_000_000_000) & 0xFF_FFFF;

    public static void Write(Span<byte> target, uint value)
    {
        Debug.Assert(target.Length == Length);
        (target[0], target[1], target[2]) = ((byte)(value >> 16), (byte)(value >> 8), (byte)value);
    }

    public static bool TryRead(ReadOnlySpan<byte> extension, out uint value)
    {
        bool fits = extension.Length == Length;
        value = fits ? (uint)(extension[0] << 16 | extension[1] << 8 | extension[2]) : 0;
        return fits;
    }

    /// <summary>From <paramref name="earlier"/> to <paramref name="later"/>, −32 s to 32 s.</summary>
    public static TimeSpan Between(uint earlier, uint later) => new(((long)(int)(later - earlier << 8) >> 8) * TimeSpan.TicksPerSecond >> FractionBits);
}
