using System.Buffers.Binary;
using System.Text;
using V100.Net;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Simulation.World;

namespace V100.Client;

/// <summary>
/// The RTP packets of one VP8 track, with the header extensions that browsers send and a payload whose first bytes are the
/// caller's. No picture: a server that forwards looks no further than the descriptor.
/// </summary>
internal sealed class VideoSource
{
    private readonly OfferSection _section;
    private readonly byte[] _mid;
    private readonly byte[]? _rid;
    private readonly TransportNumbers _transportNumbers;
    private readonly uint _timestampBase;
    private ushort _pictureId;
    private bool _startsFrame = true;
    private bool _isKeyframe;

    /// <param name="section">The m-line that it is offered on.</param>
    /// <param name="random">Where its numbers begin.</param>
    /// <param name="transportNumbers">The client's, where it sends more than this.</param>
    /// <param name="rid">Of a simulcast encoding; the section then is its own, with its SSRC.</param>
    public VideoSource(OfferSection section, Random random, TransportNumbers? transportNumbers = null, string? rid = null)
    {
        _rid = rid is null ? null : Encoding.ASCII.GetBytes(rid);
        _section = section;
        _mid = Encoding.ASCII.GetBytes(section.Mid);
        _transportNumbers = transportNumbers ?? new TransportNumbers();
        _timestampBase = (uint)random.NextInt64(uint.MaxValue);
        NextSequence = random.Next(1 << 15);
    }

    /// <summary>The next packet's number, with rollovers: what SRTP calls its index.</summary>
    public long NextSequence { get; private set; }

    /// <summary>The next frame begins as a keyframe does.</summary>
    public bool WantsKeyframe { get; set; } = true;

    /// <summary>The timestamp of a frame of an instant.</summary>
    public uint TimestampOf(Instant instant) => _timestampBase + (uint)(instant.Nanoseconds / 1000 * 9 / 100);

    /// <summary>Writes the next packet, as long as <paramref name="packet"/>, and returns its header's length.</summary>
    /// <param name="packet">Its length is the RTP packet's, before SRTP.</param>
    /// <param name="content">Stands behind the codec's own bytes; the rest stays as it is.</param>
    /// <param name="endsFrame">Sets the marker.</param>
    /// <param name="now">The time of the frame.</param>
    public int Write(Span<byte> packet, ReadOnlySpan<byte> content, bool endsFrame, Instant now)
    {
        if (_startsFrame)
        {
            _pictureId = (ushort)(_pictureId + 1 & 0x7FFF);
            _isKeyframe = WantsKeyframe;
            WantsKeyframe = false;
        }

        var header = new RtpHeader(
            _section.Formats[0].PayloadType, endsFrame, new SequenceNumber((ushort)NextSequence++), TimestampOf(now), new Ssrc(_section.Ssrc));
        var writer = new RtpHeaderWriter(packet, header);
        Span<byte> orientation = [0];
        Span<byte> transportNumber = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(transportNumber, _transportNumbers.Take().Value);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.VideoOrientation), orientation);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.TransportCc), transportNumber);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.Mid), _mid);
        if (_rid is not null)
        {
            writer.TryAdd(_section.IdOf(HeaderExtensionKind.Rid), _rid);
        }

        int headerLength = writer.Finish();
        var descriptor = new Vp8Descriptor { StartsPartition = _startsFrame, HasPictureId = true, HasLongPictureId = true, PictureId = _pictureId };
        Span<byte> payload = packet[headerLength..];
        int codecLength = descriptor.Write(payload);
        payload[codecLength] = _isKeyframe ? (byte)0x10 : (byte)0x11; // RFC 7741, 4.3: the inverse keyframe bit is the lowest.
        content.CopyTo(payload[(codecLength + 1)..]);
        _startsFrame = endsFrame;
        return headerLength;
    }

    /// <summary>The caller's bytes of a payload that went through the server.</summary>
    public static bool TryReadContent(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> content)
    {
        bool isWhole = Vp8Descriptor.TryParse(payload, out Vp8Descriptor descriptor) && payload.Length > descriptor.Length;
        content = isWhole ? payload[(descriptor.Length + 1)..] : default;
        return isWhole;
    }
}
