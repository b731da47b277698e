using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>
/// The retransmission payload format (RFC 4588, 4): a packet of its own SSRC and payload type whose payload begins with the
/// original sequence number (OSN).
/// </summary>
public static class Retransmission
{
    public const int OriginalSequenceLength = 2;

    /// <summary>
    /// Makes the original packet out of a decrypted retransmission, in place: the header moves two bytes towards the payload and gets
    /// the original sequence number, payload type and SSRC, so that nothing behind this needs to know how the packet came
    /// (its header extensions are still the retransmission's: repaired-rid in the place of rid). Padding is taken off.
    /// </summary>
    /// <returns>False for a malformed packet and for one of padding alone, as bandwidth probes are.</returns>
    public static bool TryRestore(Span<byte> packet, byte originalPayloadType, Ssrc originalSsrc, out Span<byte> original)
    {
        original = default;
        if (!RtpReader.TryParse(packet, out RtpReader reader) || reader.Payload.Length < OriginalSequenceLength)
        {
            return false;
        }

        int headerLength = reader.HeaderLength;
        int length = packet.Length - reader.PaddingLength;
        ushort originalSequence = BinaryPrimitives.ReadUInt16BigEndian(reader.Payload);
        packet[..headerLength].CopyTo(packet[OriginalSequenceLength..]);
        original = packet[OriginalSequenceLength..length];
        original[0] &= unchecked((byte)~RtpHeader.PaddingBit);
        original[1] = (byte)(original[1] & RtpHeader.MarkerBit | originalPayloadType & 0x7F);
        BinaryPrimitives.WriteUInt16BigEndian(original[2..], originalSequence);
        BinaryPrimitives.WriteUInt32BigEndian(original[8..], originalSsrc.Value);
        return true;
    }

    /// <summary>Writes what stands before the original payload: the original sequence number as the receiver knows it.</summary>
    public static void WriteOriginalSequence(Span<byte> destination, SequenceNumber originalSequence) =>
        BinaryPrimitives.WriteUInt16BigEndian(destination, originalSequence.Value);
}
