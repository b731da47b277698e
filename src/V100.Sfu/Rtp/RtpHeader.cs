using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace V100.Sfu.Rtp;

/// <summary>The fields of an RTP header that are an SFU's to choose for each subscriber (RFC 3550, 5.1).</summary>
/// <param name="PayloadType">0 to 127.</param>
/// <param name="Marker">The M bit.</param>
/// <param name="SequenceNumber">As on the wire.</param>
/// <param name="Timestamp">In units of the codec's clock rate.</param>
/// <param name="Ssrc">The stream's name towards this receiver.</param>
/// <param name="HasPadding">The P bit: the packet's last byte counts the padding bytes.</param>
public readonly record struct RtpHeader(
    byte PayloadType, bool Marker, SequenceNumber SequenceNumber, uint Timestamp, Ssrc Ssrc, bool HasPadding = false)
{
    /// <summary>Bytes of a header without CSRCs and extensions.</summary>
    public const int FixedLength = 12;

    internal const byte Version2 = 0x80;
    internal const byte PaddingBit = 0x20;
    internal const byte ExtensionBit = 0x10;
    internal const byte MarkerBit = 0x80;

    /// <summary>Writes the 12 fixed bytes; the caller has checked that they fit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void WriteFixed(Span<byte> destination, bool hasExtensions)
    {
        uint first = (uint)(Version2 | (HasPadding ? PaddingBit : 0) | (hasExtensions ? ExtensionBit : 0)) << 24
            | (uint)(PayloadType & 0x7F | (Marker ? MarkerBit : 0)) << 16
            | SequenceNumber.Value;
        BinaryPrimitives.WriteUInt64BigEndian(destination, (ulong)first << 32 | Timestamp);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Ssrc.Value);
    }
}
