using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>
/// A view of one RTP packet (RFC 3550, 5.1): parsed once, copied never, valid as long as the bytes are.
/// </summary>
/// <remarks>
/// <see cref="TryParseHeader"/> looks at nothing behind the header: it serves a packet that is still encrypted, where padding
/// cannot be read and <see cref="Payload"/> is ciphertext with its tag. <see cref="TryParse"/> serves plaintext.
/// </remarks>
public readonly ref struct RtpReader
{
    private readonly ReadOnlySpan<byte> _packet;
    private readonly int _extensionsStart;

    private RtpReader(ReadOnlySpan<byte> packet, int extensionsStart, int headerLength, int paddingLength)
    {
        _packet = packet;
        _extensionsStart = extensionsStart;
        HeaderLength = headerLength;
        PaddingLength = paddingLength;
    }

    /// <summary>Bytes before the payload: fixed header, CSRCs and extension block.</summary>
    public int HeaderLength { get; }

    /// <summary>Bytes behind the payload, their count byte included; 0 after <see cref="TryParseHeader"/>.</summary>
    public int PaddingLength { get; }

    public bool HasPaddingBit => (_packet[0] & RtpHeader.PaddingBit) != 0;
    public bool Marker => (_packet[1] & RtpHeader.MarkerBit) != 0;
    public byte PayloadType => (byte)(_packet[1] & 0x7F);
    public SequenceNumber SequenceNumber => new(BinaryPrimitives.ReadUInt16BigEndian(_packet[2..]));
    public uint Timestamp => BinaryPrimitives.ReadUInt32BigEndian(_packet[4..]);
    public Ssrc Ssrc => new(BinaryPrimitives.ReadUInt32BigEndian(_packet[8..]));

    public int ContributorCount => _packet[0] & 0x0F;

    /// <summary>The CSRC at an index below <see cref="ContributorCount"/>.</summary>
    public Ssrc GetContributor(int index) =>
        new(BinaryPrimitives.ReadUInt32BigEndian(_packet.Slice(RtpHeader.FixedLength, ContributorCount * 4)[(index * 4)..]));

    public bool HasExtensions => _extensionsStart != 0;

    /// <summary>The header extension elements; none when there is no block.</summary>
    public RtpExtensions Extensions => HasExtensions
        ? new(BinaryPrimitives.ReadUInt16BigEndian(_packet[_extensionsStart..]), _packet[(_extensionsStart + 4)..HeaderLength])
        : default;

    public ReadOnlySpan<byte> Packet => _packet;
    public ReadOnlySpan<byte> Payload => _packet[HeaderLength..(_packet.Length - PaddingLength)];

    /// <summary>A packet that carries no media: what a bandwidth probe sends.</summary>
    public bool IsPaddingOnly => HeaderLength + PaddingLength == _packet.Length;

    /// <summary>Reads a plaintext packet whole.</summary>
    public static bool TryParse(ReadOnlySpan<byte> packet, out RtpReader reader)
    {
        if (!TryParseHeader(packet, out reader))
        {
            return false;
        }

        if (!reader.HasPaddingBit)
        {
            return true;
        }

        // RFC 3550, 5.1: the last octet counts the padding octets, itself included, so it is neither 0 nor more than there is.
        int padding = packet[^1];
        if (padding == 0 || padding > packet.Length - reader.HeaderLength)
        {
            reader = default;
            return false;
        }

        reader = new RtpReader(packet, reader._extensionsStart, reader.HeaderLength, padding);
        return true;
    }

    /// <summary>Reads the header alone, of plaintext or ciphertext.</summary>
    public static bool TryParseHeader(ReadOnlySpan<byte> packet, out RtpReader reader)
    {
        reader = default;

        // RFC 3550, A.1: version 2.
        if (packet.Length < RtpHeader.FixedLength || packet[0] >> 6 != 2)
        {
            return false;
        }

        int length = RtpHeader.FixedLength + 4 * (packet[0] & 0x0F);
        int extensionsStart = 0;
        if ((packet[0] & RtpHeader.ExtensionBit) != 0)
        {
            // RFC 3550, 5.3.1: 16 bits of the profile's choice, then the length in words without these four bytes.
            extensionsStart = length;
            if (packet.Length < length + 4)
            {
                return false;
            }

            length += 4 + 4 * BinaryPrimitives.ReadUInt16BigEndian(packet[(length + 2)..]);
        }

        if (packet.Length < length)
        {
            return false;
        }

        reader = new RtpReader(packet, extensionsStart, length, 0);
        return true;
    }
}
