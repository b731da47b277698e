using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Simulation.World;

/// <summary>A packet that was played, with the output numbers that it had.</summary>
internal readonly record struct PlayedPacket(MediaMark Mark, uint Timestamp, bool Marker, bool CameAsRetransmission, Instant At)
{
    /// <summary>Of VP8.</summary>
    public Vp8Descriptor Vp8 { get; init; }

    /// <summary>Empty where the packet has none.</summary>
    public byte[] DependencyDescriptor { get; init; } = [];
    public AbsoluteCaptureTime? CaptureTime { get; init; }
}

/// <summary>A sender report that came.</summary>
internal readonly record struct PlayedReport(ulong NtpTime, uint Timestamp, uint PacketCount, Instant At);

/// <summary>
/// One stream that a client receives: every payload's bytes are checked, gaps are asked for, reports are kept. It trusts nothing
/// that the server sends.
/// </summary>
internal sealed class Playback(SimulatedClient owner, OfferSection section, string mid, uint ssrc, uint rtxSsrc)
{
    private static readonly TimeSpan _reorderTolerance = TimeSpan.FromMilliseconds(15);
    private const int MaxRequests = 10;

    private readonly SortedDictionary<long, (Instant At, int Requests)> _missing = [];
    private readonly HashSet<long> _padding = [];
    private SequenceUnwrapper _unwrapper;
    private SequenceUnwrapper _retransmissionUnwrapper;
    private ReceiveStatistics? _statistics;
    private long _oldest = -1;
    private long _newest = -1;
    private Instant _nextReport = Instant.Never;

    public OfferSection Section { get; } = section;
    public uint Ssrc { get; } = ssrc;
    public uint RtxSsrc { get; } = rtxSsrc;

    /// <summary>Whether gaps are asked for.</summary>
    public bool Nacks { get; set; } = section.Kind == MediaKind.Video;

    /// <summary>Between two requests for one packet, of which there are ten. Browsers wait for a round trip.</summary>
    public TimeSpan RetryInterval { get; set; } = TimeSpan.FromMilliseconds(60);

    /// <summary>By output number without wraps.</summary>
    public SortedDictionary<long, PlayedPacket> Packets { get; } = [];
    public List<PlayedReport> Reports { get; } = [];
    public List<string> Faults { get; } = [];
    public int Duplicates { get; private set; }
    public int Retransmissions => RetransmissionSequences.Count - ProbePackets;

    /// <summary>Padding on the retransmission stream.</summary>
    public int ProbePackets { get; private set; }

    /// <summary>The retransmission stream's own numbers without wraps, as they came.</summary>
    public List<long> RetransmissionSequences { get; } = [];
    public int PaddingPackets => _padding.Count;
    public int Nacked { get; private set; }
    public int MissingNow => _missing.Count;

    /// <summary>Output numbers between the first and the last that nothing came for.</summary>
    public long Holes => Packets.Count == 0 ? 0 : Packets.Keys.Last() - Packets.Keys.First() + 1 - Packets.Count - PaddingPackets;
    public bool SaidGoodbye { get; set; }
    public string? CanonicalName { get; set; }

    /// <summary>The last value of each extension, the mid apart.</summary>
    public Dictionary<HeaderExtensionKind, byte[]> Extensions { get; } = [];

    /// <summary>Output numbers of media in the order in which they came, retransmissions apart.</summary>
    public List<long> Arrivals { get; } = [];

    /// <summary>Frames that came with another packet than their own, by the publisher's number.</summary>
    public HashSet<uint> RedundantFrames { get; } = [];

    /// <summary>What the last packet of media came as.</summary>
    public OfferedFormat? LastFormat { get; private set; }

    /// <summary>What media came as.</summary>
    public HashSet<OfferedFormat> FormatsSeen { get; } = [];

    public int Keyframes => Packets.Values.Count(packet => packet.Mark is { IsKeyframe: true, Index: 0 });

    public Instant NextDeadline =>
        Instant.Earlier(_nextReport, Nacks && _missing.Count > 0 ? _missing.Values.Min(missing => missing.At) : Instant.Never);

    public bool Owns(uint ssrc) => ssrc == Ssrc || ssrc == RtxSsrc && ssrc != 0;

    public void HandleRtp(Span<byte> packet, Instant now)
    {
        if (!RtpReader.TryParse(packet, out RtpReader rtp))
        {
            Faults.Add($"a packet that does not parse, at {now}");
            return;
        }

        bool isRtx = rtp.Ssrc.Value == RtxSsrc && RtxSsrc != 0;
        int payloadType = rtp.PayloadType;
        OfferedFormat? format = Array.Find(Section.Formats, format => (isRtx ? format.RtxPayloadType : format.PayloadType) == payloadType);
        if (format is null)
        {
            Faults.Add($"payload type {rtp.PayloadType}, which was not offered for {(isRtx ? "RTX" : "media")}");
            return;
        }

        CheckExtensions(in rtp);
        if (isRtx)
        {
            RetransmissionSequences.Add(_retransmissionUnwrapper.Unwrap(rtp.SequenceNumber).Value);
            if (rtp.IsPaddingOnly)
            {
                ProbePackets++;
                return;
            }

            if (!Retransmission.TryRestore(packet, format.PayloadType, new Ssrc(Ssrc), out Span<byte> original) || !RtpReader.TryParse(original, out rtp))
            {
                Faults.Add("a retransmission that holds no packet");
                return;
            }
        }

        Take(in rtp, format, isRtx, now);
    }

    public void HandleReport(in SenderReport report, Instant now)
    {
        Reports.Add(new PlayedReport(report.NtpTime, report.RtpTimestamp, report.PacketCount, now));
        _statistics?.OnSenderReport(report.NtpTime, now);
    }

    public void HandleDeadline(Instant now)
    {
        if (Nacks && _missing.Count > 0)
        {
            SendNacks(now);
        }

        if (_nextReport <= now && _statistics is { } statistics)
        {
            _nextReport = now + TimeSpan.FromSeconds(1);
            Span<byte> packet = stackalloc byte[64];
            var writer = new SpanWriter(packet);
            ReceiverReport.Write(ref writer, new Ssrc(1), [statistics.TakeReport(now)]);
            owner.SendRtcp(writer.Written);
        }
    }

    public void RequestKeyframe()
    {
        Span<byte> packet = stackalloc byte[32];
        var writer = new SpanWriter(packet);
        new PictureLossIndication(new Ssrc(1), new Ssrc(Ssrc)).Write(ref writer);
        owner.SendRtcp(writer.Written);
    }

    public void SendNack(params SequenceNumber[] lost)
    {
        Span<byte> packet = stackalloc byte[1200];
        var writer = new SpanWriter(packet);
        int written = GenericNack.Write(ref writer, new Ssrc(1), new Ssrc(Ssrc), lost);
        Assert.Equal(lost.Length, written);
        owner.SendRtcp(writer.Written);
    }

    private void Take(in RtpReader rtp, OfferedFormat format, bool isRtx, Instant now)
    {
        long sequence = _unwrapper.Unwrap(rtp.SequenceNumber).Value;
        NoteArrival(sequence, now);
        _statistics ??= new ReceiveStatistics(new Ssrc(Ssrc), format.ClockRateHz);
        if (_nextReport == Instant.Never)
        {
            _nextReport = now + TimeSpan.FromMilliseconds(500);
        }

        if (!isRtx)
        {
            _statistics.OnPacket(rtp.SequenceNumber, rtp.Timestamp, now);
        }

        if (rtp.IsPaddingOnly)
        {
            _padding.Add(sequence);
            return;
        }

        FormatsSeen.Add(format);
        LastFormat = format;
        ReadOnlySpan<byte> content = format.IsRedundant ? TakeRedundant(in rtp, format, sequence) : rtp.Payload[CodecLength(format, rtp.Payload)..];
        if (!isRtx)
        {
            Arrivals.Add(sequence);
        }

        if (!MediaMark.TryRead(content, out MediaMark mark))
        {
            Faults.Add($"wrong bytes in output {sequence}");
        }
        else if (!Packets.TryAdd(sequence, Describe(in rtp, in mark, isRtx, now)))
        {
            Duplicates++;
            if (Packets[sequence].Mark != mark)
            {
                Faults.Add($"output number {sequence} twice, for packets {Packets[sequence].Mark} and {mark}");
            }
        }
    }

    private PlayedPacket Describe(in RtpReader rtp, in MediaMark mark, bool isRtx, Instant now) => new(mark, rtp.Timestamp, rtp.Marker, isRtx, now)
    {
        Vp8 = Vp8Descriptor.TryParse(rtp.Payload, out Vp8Descriptor descriptor) ? descriptor : default,
        DependencyDescriptor = ExtensionOf(in rtp, HeaderExtensionKind.DependencyDescriptor),
        CaptureTime = AbsoluteCaptureTime.TryRead(ExtensionOf(in rtp, HeaderExtensionKind.AbsCaptureTime), out AbsoluteCaptureTime time) ? time : null,
    };

    private byte[] ExtensionOf(in RtpReader rtp, HeaderExtensionKind kind) =>
        Section.IdOf(kind) is var id && id != 0 && rtp.Extensions.TryGet(id, out ReadOnlySpan<byte> value) ? value.ToArray() : [];

    /// <summary>Checks what a packet repeats, and gives its own frame.</summary>
    private byte[] TakeRedundant(in RtpReader rtp, OfferedFormat format, long sequence)
    {
        List<(byte PayloadType, int Offset, byte[] Data)>? blocks = World.RedundantFrames.Read(rtp.Payload);
        if (blocks is null || blocks.Exists(block => block.PayloadType != format.InnerPayloadType) || !MediaMark.TryRead(blocks[^1].Data, out MediaMark own))
        {
            Faults.Add($"redundant audio in output {sequence} that is none");
            return [];
        }

        foreach ((byte _, int offset, byte[] data) in blocks[..^1])
        {
            if (!MediaMark.TryRead(data, out MediaMark mark) || own.Timestamp - mark.Timestamp != offset || mark.Number >= own.Number)
            {
                Faults.Add($"wrong redundancy in output {sequence}");
            }

            RedundantFrames.Add(mark.Number);
        }

        return blocks[^1].Data;
    }

    private static int CodecLength(OfferedFormat format, ReadOnlySpan<byte> payload) => format.Name[..3] switch
    {
        "VP8" => Vp8Descriptor.TryParse(payload, out Vp8Descriptor descriptor) ? descriptor.Length + 1 : 0,
        "H26" => 1,
        "AV1" => 2,
        _ => 0,
    };

    private void CheckExtensions(in RtpReader rtp)
    {
        byte midId = Section.IdOf(HeaderExtensionKind.Mid);
        bool sawMid = midId == 0;
        foreach (RtpExtension extension in rtp.Extensions)
        {
            byte id = extension.Id;
            HeaderExtensionKind kind = Array.Find(Section.Extensions, offered => offered.Id == id).Kind;
            switch (kind)
            {
                case HeaderExtensionKind.None:
                    Faults.Add($"extension {extension.Id}, which was not offered");
                    break;
                case HeaderExtensionKind.Mid:
                    sawMid = true;
                    string value = System.Text.Encoding.ASCII.GetString(extension.Value);
                    if (value != mid)
                    {
                        Faults.Add($"mid {value} in place of {mid}");
                    }

                    break;
                default:
                    Extensions[kind] = extension.Value.ToArray();
                    break;
            }
        }

        if (!sawMid)
        {
            Faults.Add("a packet without mid");
        }
    }

    private void NoteArrival(long sequence, Instant now)
    {
        _missing.Remove(sequence);
        if (_newest < 0)
        {
            _oldest = _newest = sequence;
        }

        Miss(_newest + 1, sequence, now);
        Miss(sequence + 1, _oldest, now); // The first that came need not have been the first that was sent.
        _oldest = Math.Min(_oldest, sequence);
        _newest = Math.Max(_newest, sequence);
    }

    private void Miss(long first, long end, Instant now)
    {
        for (long sequence = first; sequence < end; sequence++)
        {
            _missing.Add(sequence, (now + _reorderTolerance, 0));
        }
    }

    private void SendNacks(Instant now)
    {
        List<long> due = [.. _missing.Where(missing => missing.Value.At <= now).Select(missing => missing.Key).Take(200)];
        foreach (long sequence in due)
        {
            int requests = _missing[sequence].Requests + 1;
            _missing[sequence] = (requests < MaxRequests ? now + RetryInterval : Instant.Never, requests);
        }

        if (due.Count > 0)
        {
            Nacked += due.Count;
            SendNack([.. due.Select(sequence => new SequenceNumber((ushort)sequence))]);
        }
    }
}
