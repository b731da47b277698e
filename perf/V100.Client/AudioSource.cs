using System.Buffers.Binary;
using System.Text;
using V100.Net;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Simulation.World;

namespace V100.Client;

/// <summary>The RTP packets of one Opus track, with the header extensions that browsers send and a payload that is the caller's.</summary>
internal sealed class AudioSource
{
    private const byte SpokenLevel = 0x80 | 30;

    private readonly OfferSection _section;
    private readonly byte[] _mid;
    private readonly TransportNumbers _transportNumbers;
    private readonly uint _timestampBase;
    private bool _hasStarted;

    /// <param name="section">The m-line that it is offered on.</param>
    /// <param name="transportNumbers">The client's.</param>
    /// <param name="random">Where its own numbers begin.</param>
    public AudioSource(OfferSection section, TransportNumbers transportNumbers, Random random)
    {
        _section = section;
        _mid = Encoding.ASCII.GetBytes(section.Mid);
        _transportNumbers = transportNumbers;
        _timestampBase = (uint)random.NextInt64(uint.MaxValue);
        NextSequence = random.Next(1 << 15);
    }

    /// <summary>The next packet's number, with rollovers: what SRTP calls its index.</summary>
    public long NextSequence { get; private set; }

    /// <summary>The timestamp of what is recorded at an instant.</summary>
    public uint TimestampOf(Instant instant) => _timestampBase + (uint)(ulong)(instant.Nanoseconds / 1000 * 48 / 1000);

    /// <summary>Writes the next packet, as long as <paramref name="packet"/>, and returns its header's length.</summary>
    /// <param name="packet">Its length is the RTP packet's, before SRTP.</param>
    /// <param name="content">Stands first in the payload; the rest stays as it is.</param>
    /// <param name="now">The time of its sound.</param>
    public int Write(Span<byte> packet, ReadOnlySpan<byte> content, Instant now)
    {
        // RFC 3551, 4.1: the marker begins a talkspurt.
        var header = new RtpHeader(
            _section.Formats[0].PayloadType, !_hasStarted, new SequenceNumber((ushort)NextSequence++), TimestampOf(now), new Ssrc(_section.Ssrc));
        _hasStarted = true;
        var writer = new RtpHeaderWriter(packet, header);
        Span<byte> level = [SpokenLevel];
        Span<byte> transportNumber = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(transportNumber, _transportNumbers.Take().Value);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.AudioLevel), level);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.TransportCc), transportNumber);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.Mid), _mid);
        int headerLength = writer.Finish();
        content.CopyTo(packet[headerLength..]);
        return headerLength;
    }
}
