using System.Buffers.Binary;
using System.Text;
using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Simulation.World;

namespace V100.Client;

/// <summary>
/// What a browser does for a stream that it sends: a sender report each second, retransmissions of what is asked for (RFC 4588), and word
/// of requests for a keyframe. It keeps the last packets for that.
/// </summary>
/// <remarks>
/// <see cref="Send"/> for each packet, <see cref="HandlePart"/> for each part of RTCP that came, <see cref="HandleDeadline"/> at
/// <see cref="NextDeadline"/>. A packet allocates nothing once as many were sent as are kept.
/// </remarks>
internal sealed class OutgoingStream
{
    private const int KeptPackets = 512;
    private const int MaxPacketLength = 1500;
    private const ulong NtpEpochSeconds = 2_208_988_800;
    private static readonly TimeSpan _reportInterval = TimeSpan.FromSeconds(1);

    private readonly WebRtcClient _transport;
    private readonly OfferSection _section;
    private readonly TransportNumbers _transportNumbers;
    private readonly Func<Instant, uint> _timestampOf;
    private readonly byte[] _mid;
    private readonly Kept[] _kept = new Kept[KeptPackets];
    private long _rtxSequence;
    private uint _packets;
    private uint _bytes;

    private struct Kept
    {
        public byte[]? Bytes;
        public int Length;
        public int HeaderLength;
        public ushort Sequence;
    }

    /// <param name="transport">What it is sent by.</param>
    /// <param name="section">The m-line that it is offered on.</param>
    /// <param name="transportNumbers">The client's.</param>
    /// <param name="timestampOf">The stream's clock.</param>
    /// <param name="random">Where the numbers of its retransmissions begin, and its reports.</param>
    public OutgoingStream(WebRtcClient transport, OfferSection section, TransportNumbers transportNumbers, Func<Instant, uint> timestampOf, Random random)
    {
        _transport = transport;
        _section = section;
        _transportNumbers = transportNumbers;
        _timestampOf = timestampOf;
        _mid = Encoding.ASCII.GetBytes(section.Mid);
        _rtxSequence = random.Next(1 << 15);
        FirstReportAfter = _reportInterval * random.NextDouble();
    }

    private TimeSpan FirstReportAfter { get; }

    public Instant NextDeadline { get; private set; } = Instant.Never;

    /// <summary>Packets that were sent again.</summary>
    public long Retransmissions { get; private set; }

    /// <summary>Requests for a keyframe of this stream.</summary>
    public int KeyframeRequests { get; private set; }

    /// <summary>Encrypts and sends; the header must be whole and <paramref name="index"/> its number with rollovers.</summary>
    public void Send(ReadOnlySpan<byte> packet, int headerLength, long index, Instant now)
    {
        _transport.SendRtp(packet, headerLength, index);
        _packets++;
        _bytes += (uint)(packet.Length - headerLength);
        if (NextDeadline == Instant.Never)
        {
            NextDeadline = now + FirstReportAfter;
        }

        if (_section.RtxSsrc != 0)
        {
            ref Kept kept = ref _kept[index & (KeptPackets - 1)];
            kept.Bytes ??= new byte[MaxPacketLength];
            packet.CopyTo(kept.Bytes);
            kept.Length = packet.Length;
            kept.HeaderLength = headerLength;
            kept.Sequence = (ushort)index;
        }
    }

    public void HandleDeadline(Instant now)
    {
        if (NextDeadline > now)
        {
            return;
        }

        NextDeadline = now + _reportInterval;
        Span<byte> packet = stackalloc byte[128];
        var writer = new SpanWriter(packet);
        var ssrc = new Ssrc(_section.Ssrc);
        TimeSpan sinceEpoch = DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch;
        ulong ntp = (NtpEpochSeconds << 32) + (ulong)((Int128)sinceEpoch.Ticks * (1L << 32) / TimeSpan.TicksPerSecond);
        var fields = new SenderReport.Fields(ssrc, ntp, _timestampOf(now), _packets, _bytes);
        SenderReport.Write(ref writer, in fields, []);
        SourceDescription.Write(ref writer, ssrc, "load"u8);
        _transport.SendRtcp(writer.Written);
    }

    public void HandlePart(in RtcpPacket part)
    {
        if (GenericNack.TryParse(in part, out GenericNack nack) && nack.Media.Value == _section.Ssrc)
        {
            foreach (SequenceNumber lost in nack)
            {
                SendAgain(lost);
            }
        }
        else if (PictureLossIndication.TryParse(in part, out PictureLossIndication indication) && indication.Media.Value == _section.Ssrc)
        {
            KeyframeRequests++;
        }
        else if (FullIntraRequest.TryParse(in part, out FullIntraRequest request))
        {
            for (int entry = 0; entry < request.Count; entry++)
            {
                KeyframeRequests += request[entry].Media.Value == _section.Ssrc ? 1 : 0;
            }
        }
    }

    private void SendAgain(SequenceNumber lost)
    {
        ref readonly Kept kept = ref _kept[lost.Value & (KeptPackets - 1)];
        if (kept.Bytes is null || kept.Sequence != lost.Value || !RtpReader.TryParseHeader(kept.Bytes.AsSpan(0, kept.Length), out RtpReader original))
        {
            return; // Sent too long ago.
        }

        Span<byte> packet = stackalloc byte[MaxPacketLength + 64];
        var header = new RtpHeader(
            (byte)_section.Formats[0].RtxPayloadType, original.Marker, new SequenceNumber((ushort)_rtxSequence), original.Timestamp, new Ssrc(_section.RtxSsrc));
        var writer = new RtpHeaderWriter(packet, header);
        Span<byte> transportNumber = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(transportNumber, _transportNumbers.Take().Value);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.TransportCc), transportNumber);
        writer.TryAdd(_section.IdOf(HeaderExtensionKind.Mid), _mid);
        int headerLength = writer.Finish();
        Retransmission.WriteOriginalSequence(packet[headerLength..], lost);
        ReadOnlySpan<byte> payload = kept.Bytes.AsSpan(kept.HeaderLength, kept.Length - kept.HeaderLength);
        payload.CopyTo(packet[(headerLength + Retransmission.OriginalSequenceLength)..]);
        int length = headerLength + Retransmission.OriginalSequenceLength + payload.Length;
        _transport.SendRtp(packet[..length], headerLength, _rtxSequence++);
        Retransmissions++;
    }
}
