using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>The uncompressed header of a VP8 key frame (RFC 6386, 9.1).</summary>
public static class Vp8FrameHeader
{
    private const int Length = 10;
    private const int StartCode = 3;

    /// <summary>The size in pixels of a key frame whose first bytes these are; false when they are not, as when the frame is encrypted.</summary>
    public static bool TryReadSize(ReadOnlySpan<byte> frame, out ushort width, out ushort height)
    {
        width = height = 0;
        if (frame.Length < Length || (frame[0] & 0x01) != 0 || !frame[StartCode..].StartsWith((ReadOnlySpan<byte>)[0x9D, 0x01, 0x2A]))
        {
            return false;
        }

        // The two high bits are the scaling that the encoder suggests for display.
        width = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(frame[6..]) & 0x3FFF);
        height = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(frame[8..]) & 0x3FFF);
        return true;
    }
}
