using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Client;

/// <summary>How a packet came that a client plays.</summary>
internal enum PacketWay
{
    /// <summary>Padding, a duplicate, or none of its streams'.</summary>
    None,

    /// <summary>The first time, by itself.</summary>
    First,

    /// <summary>As a retransmission that was missed.</summary>
    Repaired,
}

/// <summary>
/// What a browser tells the sender of what it plays: transport-wide feedback every 50 to 100 ms, receiver reports each second, requests for
/// packets that are missing (NACK) and, where they do not come, for a keyframe (PLI).
/// </summary>
/// <remarks>
/// <see cref="Take"/> for each RTP packet and <see cref="HandlePart"/> for each part of RTCP that came, <see cref="HandleDeadline"/> at
/// <see cref="NextDeadline"/>. Streams are told apart by payload type: the client offers one for each kind. A packet allocates nothing.
/// </remarks>
internal sealed class ReceiverFeedback
{
    private const int MaxFeedbackLength = 1200;
    private static readonly Ssrc _reporter = new(1);
    private static readonly TimeSpan _reportInterval = TimeSpan.FromSeconds(1);

    private readonly WebRtcClient _transport;
    private readonly IncomingStream[] _streams;
    private readonly TransportFeedbackBuilder _transportFeedback;
    private readonly TimeSpan _firstReportAfter;
    private Instant _nextReport = Instant.Never;

    /// <param name="transport">What it goes by; its offer says what is played.</param>
    /// <param name="random">When it reports: clients do not all report at once.</param>
    public ReceiverFeedback(WebRtcClient transport, Random random)
    {
        _transport = transport;
        _streams = [.. transport.Offer.Sections.Where(section => !section.Sends).Select(section => new IncomingStream(section))];
        _transportFeedback = new TransportFeedbackBuilder(TimeSpan.FromMilliseconds(50 + 50 * random.NextDouble()));
        _firstReportAfter = _reportInterval * random.NextDouble();
    }

    public Instant NextDeadline
    {
        get
        {
            Instant next = Instant.Earlier(_transportFeedback.NextDeadline, _nextReport);
            foreach (IncomingStream stream in _streams)
            {
                next = Instant.Earlier(next, stream.NextDeadline);
            }

            return next;
        }
    }

    /// <summary>Times that a packet was asked for.</summary>
    public long Nacks => _streams.Sum(stream => stream.Nacks);

    public long KeyframeRequests => _streams.Sum(stream => stream.KeyframeRequests);

    /// <summary>Packets of feedback about the transport.</summary>
    public long TransportFeedbackPackets { get; private set; }

    /// <summary>Notes a packet, and gives the payload of what is to be played, which is valid as long as the packet.</summary>
    public PacketWay Take(ReadOnlySpan<byte> packet, Instant now, out MediaKind kind, out ReadOnlySpan<byte> payload)
    {
        kind = default;
        payload = default;
        if (!RtpReader.TryParse(packet, out RtpReader rtp) || Find(rtp.PayloadType, out bool isRetransmission) is not { } stream)
        {
            return PacketWay.None;
        }

        byte id = stream.Section.IdOf(HeaderExtensionKind.TransportCc);
        if (id != 0 && rtp.Extensions.TryGet(id, out ReadOnlySpan<byte> value) && value.Length >= 2)
        {
            _transportFeedback.OnPacket(new SequenceNumber(BinaryPrimitives.ReadUInt16BigEndian(value)), now);
        }

        if (_nextReport == Instant.Never)
        {
            _nextReport = now + _firstReportAfter;
        }

        kind = stream.Section.Kind;
        payload = rtp.Payload;
        if (!isRetransmission)
        {
            return stream.Take(in rtp, now) && !rtp.IsPaddingOnly ? PacketWay.First : PacketWay.None;
        }

        // RFC 4588, 4: the original's number stands before its payload; probes are padding alone.
        if (payload.Length <= Retransmission.OriginalSequenceLength)
        {
            return PacketWay.None;
        }

        var original = new SequenceNumber(BinaryPrimitives.ReadUInt16BigEndian(payload));
        payload = payload[Retransmission.OriginalSequenceLength..];
        return stream.TakeAgain(original, now) ? PacketWay.Repaired : PacketWay.None;
    }

    public void HandlePart(in RtcpPacket part, Instant now)
    {
        if (SenderReport.TryParse(in part, out SenderReport report))
        {
            foreach (IncomingStream stream in _streams)
            {
                stream.OnSenderReport(in report, now);
            }
        }
    }

    public void HandleDeadline(Instant now)
    {
        Span<byte> packet = stackalloc byte[MaxFeedbackLength];
        SendTransportFeedback(packet, now);
        foreach (IncomingStream stream in _streams)
        {
            if (stream.NextDeadline <= now)
            {
                var requests = new SpanWriter(packet);
                stream.WriteRequests(ref requests, now);
                Send(in requests);
            }
        }

        if (_nextReport <= now)
        {
            _nextReport = now + _reportInterval;
            var reports = new SpanWriter(packet);
            WriteReports(ref reports, now);
            Send(in reports);
        }
    }

    private void SendTransportFeedback(Span<byte> packet, Instant now)
    {
        while (_transportFeedback.NextDeadline <= now)
        {
            var writer = new SpanWriter(packet);
            Ssrc media = Array.Find(_streams, stream => stream.HasPackets)?.Ssrc ?? default;
            if (!_transportFeedback.WriteFeedback(ref writer, _reporter, media))
            {
                return;
            }

            TransportFeedbackPackets++;
            Send(in writer);
        }
    }

    private void WriteReports(ref SpanWriter writer, Instant now)
    {
        Span<ReportBlock> blocks = stackalloc ReportBlock[2];
        int count = 0;
        foreach (IncomingStream stream in _streams)
        {
            if (stream.HasPackets && count < blocks.Length)
            {
                blocks[count++] = stream.TakeReport(now);
            }
        }

        ReceiverReport.Write(ref writer, _reporter, blocks[..count]);
        SourceDescription.Write(ref writer, _reporter, "load"u8);
    }

    private void Send(in SpanWriter writer)
    {
        if (!writer.Written.IsEmpty)
        {
            _transport.SendRtcp(writer.Written);
        }
    }

    private IncomingStream? Find(byte payloadType, out bool isRetransmission)
    {
        isRetransmission = false;
        foreach (IncomingStream stream in _streams)
        {
            isRetransmission = stream.Format.RtxPayloadType == payloadType;
            if (isRetransmission || stream.Format.PayloadType == payloadType)
            {
                return stream;
            }
        }

        return null;
    }
}
