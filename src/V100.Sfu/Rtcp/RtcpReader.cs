using System.Buffers.Binary;

namespace V100.Sfu.Rtcp;

/// <summary>
/// Walks a compound RTCP packet (RFC 3550, 6.1) or a reduced-size one (RFC 5506), in plaintext. All lengths and the padding are
/// checked by <see cref="TryParse"/>; a compound with any bad part is refused whole.
/// </summary>
/// <remarks>
/// Call <see cref="TryRead"/> until it says no; hand each packet to the typed view of its type (whose own TryParse checks the
/// body) and skip the types that are not of interest.
/// </remarks>
public ref struct RtcpReader
{
    private readonly ReadOnlySpan<byte> _compound;
    private int _position;

    private RtcpReader(ReadOnlySpan<byte> compound) => _compound = compound;

    /// <summary>
    /// RTP or RTCP, both on one port (RFC 5761, 4): packet types 192 to 223 are RTCP, which no payload type with its marker bit may use.
    /// </summary>
    public static bool IsRtcp(ReadOnlySpan<byte> packet) => packet.Length >= 2 && packet[1] is >= 192 and <= 223;

    public static bool TryParse(ReadOnlySpan<byte> compound, out RtcpReader reader)
    {
        reader = default;
        int position = 0;
        while (position < compound.Length)
        {
            ReadOnlySpan<byte> rest = compound[position..];

            // RFC 3550, A.2: version 2, and the lengths add up. That the first packet be a report does not hold for RFC 5506.
            if (rest.Length < RtcpPacket.HeaderLength || rest[0] >> 6 != 2)
            {
                return false;
            }

            int length = PacketLength(rest);
            if (length > rest.Length)
            {
                return false;
            }

            // RFC 3550, 6.4.1: only the last packet may be padded, and its last byte counts. That the count be a multiple of four
            // is not demanded: browsers pad their transport feedback by one to three bytes under this bit.
            bool isPadded = (rest[0] & 0x20) != 0;
            if (isPadded && (length != rest.Length || !IsValidPadding(rest[length - 1], length)))
            {
                return false;
            }

            position += length;
        }

        reader = new RtcpReader(compound);
        return position > 0;
    }

    /// <summary>The next packet, or false at the end.</summary>
    public bool TryRead(out RtcpPacket packet)
    {
        ReadOnlySpan<byte> rest = _compound[_position..];
        if (rest.IsEmpty)
        {
            packet = default;
            return false;
        }

        int length = PacketLength(rest);
        int padding = (rest[0] & 0x20) != 0 ? rest[length - 1] : 0;
        packet = new RtcpPacket((RtcpPacketType)rest[1], (byte)(rest[0] & 0x1F), rest[RtcpPacket.HeaderLength..(length - padding)]);
        _position += length;
        return true;
    }

    private static int PacketLength(ReadOnlySpan<byte> packet) => 4 * (BinaryPrimitives.ReadUInt16BigEndian(packet[2..]) + 1);

    private static bool IsValidPadding(int padding, int length) =>
        padding != 0 && padding <= length - RtcpPacket.HeaderLength;
}
