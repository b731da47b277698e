using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Simulation.World;

/// <summary>
/// One track that a client publishes: frames of known content in packets, retransmissions on request, keyframes on request, and
/// sender reports. Its owner encrypts and sends what it writes.
/// </summary>
internal sealed class Publication
{
    private const int HistoryLength = 4096;
    private const int RetransmissionsWithMid = 20;

    /// <summary>By the publisher's clock, 0 of the simulation is this second of 1900's count.</summary>
    public const ulong NtpEpochSeconds = 3_900_000_000;

    private readonly SimulatedClient _owner;
    private readonly Random _random;
    private readonly Dictionary<ushort, (byte[] Packet, OfferedFormat Format)> _history = [];
    private readonly Queue<ushort> _historyOrder = new();
    private readonly byte[] _packet = new byte[2048];
    private readonly uint _sourceId;
    private long _sequence;
    private long _rtxSequence;
    private uint _timestampBase;
    private int _turn;
    private uint _frame;
    private uint _packets;
    private uint _bytes;
    private uint _number;
    private bool _keyframeWanted = true;
    private Instant _nextFrame = Instant.Never;
    private Instant _nextReport = Instant.Never;
    private Instant _lastFrame;
    private readonly RedundantFrames _redundant = new(redundancy: 2);
    private Instant _endsAt = Instant.Never;
    private AbsoluteCaptureTime _captureTime;

    public Publication(SimulatedClient owner, OfferSection section, Random random, string? rid = null)
    {
        _owner = owner;
        _random = random;
        Section = section;
        Format = section.Formats[0];
        Rid = rid;
        Ssrc = rid is null ? section.Ssrc : ClientOffer.NextSsrc(random);
        RtxSsrc = rid is null ? section.RtxSsrc : ClientOffer.NextSsrc(random);
        _sourceId = (uint)random.Next(1, 1 << 23) << 8;
        _sequence = random.Next(0, 1 << 15);
        _rtxSequence = random.Next(0, 1 << 15);
        _timestampBase = (uint)random.NextInt64(uint.MaxValue);
        IsVideo = section.Kind == MediaKind.Video;
        FrameInterval = IsVideo ? TimeSpan.FromMilliseconds(1000 / 30.0) : TimeSpan.FromMilliseconds(20);
    }

    public OfferSection Section { get; }
    public OfferedFormat Format { get; private set; }
    public bool IsVideo { get; }
    public uint Ssrc { get; private set; }
    public uint RtxSsrc { get; private set; }
    public TimeSpan FrameInterval { get; set; }
    public int MaxPacketsPerFrame { get; set; } = 4;
    public int MaxFillerLength { get; set; } = 900;

    /// <summary>0 for twice the most of any other frame.</summary>
    public int PacketsPerKeyframe { get; set; }

    /// <summary>A request for a keyframe is obeyed; without, frames stay what they were.</summary>
    public bool ObeysKeyframeRequests { get; set; } = true;

    /// <summary>What stands in the rid and mid extensions where those are offered.</summary>
    public string? Rid { get; set; }
    /// <summary>No packet has a mid ever.</summary>
    public bool OmitsMid { get; set; }

    /// <summary>Else only the first retransmissions have it: browsers leave it out once a report told of the SSRC, for each by itself.</summary>
    public bool SendsMid { get; set; } = true;
    public bool SendsReports { get; set; } = true;

    /// <summary>No frame is sent, as by an encoder that detects silence (DTX); only every <see cref="ComfortInterval"/> one that says so.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Zero for none.</summary>
    public TimeSpan ComfortInterval { get; set; }

    /// <summary>Values of extensions that must arrive as they are, where they are offered; <see cref="WriteHeader"/> says of which kinds.</summary>
    public static byte[] PlayoutDelay { get; } = [0x12, 0x34, 0x56];
    public byte AudioLevel { get; set; } = 0x80 | 20;
    public byte Orientation { get; set; } = 2;
    public byte[] DependencyDescriptor { get; set; } = [0xC0, 0, 1];

    /// <summary>Where set, frames have layers, and packets say so.</summary>
    public TemporalLayers? Layers { get; set; }

    /// <summary>How far the publisher's wall clock is ahead of the world's: in its reports and its capture times.</summary>
    public TimeSpan ClockAhead { get; set; }

    /// <summary>How far the capturer's clock is ahead of the publisher's; not told where null.</summary>
    public TimeSpan? CaptureClockAhead { get; set; } = TimeSpan.Zero;

    /// <summary>What stands in every send time, where that is offered.</summary>
    public static byte[] SendTime { get; } = [0xAB, 0xCD, 0xEF];

    /// <summary>0 to 1: how often a packet of padding alone, with a number of the media stream, stands before a packet of media.</summary>
    public double PaddingChance { get; set; }

    /// <summary>0 to 1: how often a packet of media has padding behind it.</summary>
    public double PaddedMediaChance { get; set; }
    public int PaddingSent { get; private set; }

    public uint SourceId => _sourceId | (uint)_turn;
    public uint PacketsSent => _packets;

    /// <summary>The last packet number of the present source: how many packets it has sent.</summary>
    public uint Number => _number;
    public int KeyframesSent { get; private set; }
    public int KeyframeRequests { get; private set; }
    public int NackedPackets { get; private set; }
    public int Retransmissions { get; private set; }
    public Instant NextDeadline => Instant.Earlier(_nextFrame, _nextReport);

    public void StartAt(ushort sequence) => _sequence = sequence;

    /// <summary>Timestamps are 0 at that instant, having wrapped.</summary>
    public void WrapTimestampsAt(Instant instant) => _timestampBase -= TimestampOf(instant);

    public void Start(Instant now)
    {
        _nextFrame = now + TimeSpan.FromMilliseconds(_random.Next(1, 20));
        _nextReport = now + TimeSpan.FromMilliseconds(100);
    }

    public void Stop() => _nextFrame = _nextReport = Instant.Never;

    /// <summary>The frames end here; reports go on, and retransmissions.</summary>
    public void EndAt(Instant end) => _endsAt = end;

    /// <summary>Another source: SSRC, numbers and timestamps of its own.</summary>
    public void SwitchSource(bool startsWithKeyframe = true)
    {
        _turn++;
        Ssrc = ClientOffer.NextSsrc(_random);
        RtxSsrc = RtxSsrc == 0 ? 0 : ClientOffer.NextSsrc(_random);
        _sequence = _random.Next(0, 1 << 15);
        _timestampBase = (uint)_random.NextInt64(uint.MaxValue);
        _history.Clear();
        _historyOrder.Clear();
        _number = _frame = 0;
        _keyframeWanted = startsWithKeyframe;
    }

    public void HandleDeadline(Instant now)
    {
        if (_nextFrame <= now)
        {
            if (!IsSilent || ComfortInterval > TimeSpan.Zero && _nextFrame - _lastFrame >= ComfortInterval)
            {
                _lastFrame = _nextFrame;
                SendFrame(_nextFrame);
            }

            _nextFrame += FrameInterval;
            _nextFrame = _nextFrame < _endsAt ? _nextFrame : Instant.Never;
        }

        if (_nextReport <= now)
        {
            _nextReport = now + TimeSpan.FromSeconds(1);
            if (SendsReports && _packets > 0)
            {
                SendReport(now);
            }
        }
    }

    public void HandleKeyframeRequest()
    {
        KeyframeRequests++;
        _keyframeWanted |= ObeysKeyframeRequests;
    }

    /// <summary>RFC 4588: the packet again under the RTX stream's numbers; without RTX, the same packet.</summary>
    public void HandleNack(SequenceNumber lost)
    {
        NackedPackets++;
        if (!_history.TryGetValue(lost.Value, out (byte[] Packet, OfferedFormat Format) original))
        {
            return;
        }

        Retransmissions++;
        if (original.Format.RtxPayloadType < 0)
        {
            long index = _sequence - (ushort)(_sequence - lost.Value);
            _owner.SendRtp(original.Packet, index);
            return;
        }

        SendRtx(original.Packet, original.Format);
    }

    /// <summary>Bandwidth probes as browsers send them: padding on the RTX stream, before or between frames.</summary>
    public void SendRtxPadding(int length) => SendPadding(RtxSsrc, (byte)Format.RtxPayloadType, ref _rtxSequence, length);

    /// <summary>Another codec or mode on the same SSRC, from a keyframe on.</summary>
    public void ChangeFormat(OfferedFormat format)
    {
        Format = format;
        _keyframeWanted = true;
    }

    /// <summary>Padding that takes a number of the media stream itself.</summary>
    public void SendMediaPadding(int length)
    {
        PaddingSent++;
        SendPadding(Ssrc, Format.PayloadType, ref _sequence, length);
    }

    /// <summary>Bandwidth probes with content, as Firefox sends them: the last packets once more, as retransmissions nobody asked for.</summary>
    public void SendRtxOfLast(int count)
    {
        foreach (ushort sequence in _historyOrder.TakeLast(count))
        {
            SendRtx(_history[sequence].Packet, _history[sequence].Format);
        }
    }

    public void SendGoodbye()
    {
        Span<byte> packet = stackalloc byte[64];
        var writer = new SpanWriter(packet);
        ReceiverReport.Write(ref writer, new Ssrc(Ssrc), []);
        Goodbye.Write(ref writer, [new Ssrc(Ssrc)]);
        _owner.SendRtcp(writer.Written);
    }

    public static ulong NtpOf(Instant instant) =>
        (NtpEpochSeconds << 32) + (ulong)(long)((Int128)instant.Nanoseconds * (1L << 32) / 1_000_000_000);

    public uint TimestampOf(Instant instant) =>
        _timestampBase + (uint)(ulong)((Int128)instant.Nanoseconds * Format.ClockRateHz / 1_000_000_000);

    private AbsoluteCaptureTime CaptureTimeOf(Instant capturedAt)
    {
        TimeSpan offset = CaptureClockAhead ?? TimeSpan.Zero;
        return new AbsoluteCaptureTime(NtpOf(capturedAt + ClockAhead + offset), CaptureClockAhead is null ? null : (long)(offset.TotalSeconds * (1L << 32)));
    }

    private void SendFrame(Instant capturedAt)
    {
        bool keyframe = IsVideo && _keyframeWanted;
        _keyframeWanted = false;
        KeyframesSent += keyframe ? 1 : 0;
        int count = !IsVideo ? 1 : keyframe ? PacketsPerKeyframe > 0 ? PacketsPerKeyframe : 2 * MaxPacketsPerFrame : _random.Next(1, MaxPacketsPerFrame + 1);
        uint timestamp = TimestampOf(capturedAt);
        Layers?.Begin(keyframe);
        for (int index = 0; index < count; index++)
        {
            if (_random.NextDouble() < PaddingChance)
            {
                SendMediaPadding(_random.Next(1, 256));
            }

            bool isPadded = _random.NextDouble() < PaddedMediaChance;
            var header = new RtpHeader(
                Format.PayloadType, index == count - 1, new SequenceNumber((ushort)_sequence), timestamp, new Ssrc(Ssrc), HasPadding: isPadded);
            DependencyDescriptor = Layers?.Descriptor(index == 0, index == count - 1) ?? DependencyDescriptor;
            _captureTime = CaptureTimeOf(capturedAt);
            int headerLength = WriteHeader(_packet, in header);
            int codecLength = WriteCodec(_packet.AsSpan(headerLength), keyframe, index == 0);
            var mark = new MediaMark(SourceId, _number++, _frame, (ushort)index, (ushort)count, timestamp, capturedAt, keyframe);
            int filler = IsVideo ? _random.Next(MaxFillerLength / 2, MaxFillerLength) : _random.Next(20, 120);
            int length = headerLength + codecLength + mark.Write(_packet.AsSpan(headerLength + codecLength), filler);
            length = Format.IsRedundant ? AddRedundancy(headerLength, length, timestamp) : length;
            length += isPadded ? Padding.Write(_packet.AsSpan(length), _random.Next(1, 256)) : 0;
            byte[] packet = _packet.AsSpan(0, length).ToArray();
            Remember(packet);
            _packets++;
            _bytes += (uint)(length - headerLength);
            _owner.SendRtp(packet, _sequence++);
        }

        _frame++;
    }

    private int AddRedundancy(int headerLength, int length, uint timestamp)
    {
        byte[] payload = _redundant.Add(timestamp, _packet[headerLength..length], Format.InnerPayloadType);
        payload.CopyTo(_packet.AsSpan(headerLength));
        return headerLength + payload.Length;
    }

    /// <summary>
    /// VP8: a descriptor with a 15-bit picture id and the first byte of the picture (RFC 7741, 4.2, 4.3). H.264: a NAL header. AV1: an aggregation
    /// header that says whether a coded video sequence begins, and the header of a frame's unit.
    /// </summary>
    private int WriteCodec(Span<byte> destination, bool keyframe, bool first)
    {
        if (!IsVideo)
        {
            return 0;
        }

        if (Format.Name.StartsWith("H264", StringComparison.Ordinal))
        {
            destination[0] = (byte)(0x60 | (keyframe && first ? 7 : keyframe ? 5 : 1));
            return 1;
        }

        if (Format.Name.StartsWith("AV1", StringComparison.Ordinal))
        {
            destination[0] = (byte)(keyframe && first ? 0x18 : 0x10);
            destination[1] = 6 << 3;
            return 2;
        }

        Vp8Descriptor descriptor = Layers?.Vp8(first) ?? new Vp8Descriptor { StartsPartition = first, HasPictureId = true, HasLongPictureId = true, PictureId = (ushort)(_frame & 0x7FFF) };
        int length = descriptor.Write(destination);
        destination[length] = keyframe ? (byte)0x10 : (byte)0x11;
        return length + 1;
    }

    /// <param name="destination">Where the packet begins.</param>
    /// <param name="header">The fixed fields.</param>
    /// <param name="isRtx">A retransmission.</param>
    /// <param name="original">Of a retransmission: what the packet said of its frame.</param>
    private int WriteHeader(Span<byte> destination, in RtpHeader header, bool isRtx = false, in RtpExtensions original = default)
    {
        var writer = new RtpHeaderWriter(destination, header);
        Span<byte> value = stackalloc byte[64];
        foreach ((byte id, HeaderExtensionKind kind) in Section.Extensions)
        {
            int length = 0;
            switch (kind)
            {
                case HeaderExtensionKind.Mid when !OmitsMid && (SendsMid || isRtx && Retransmissions <= RetransmissionsWithMid):
                    length = System.Text.Encoding.ASCII.GetBytes(Section.Mid, value);
                    break;
                case HeaderExtensionKind.Rid when Rid is not null && !isRtx:
                case HeaderExtensionKind.RepairedRid when Rid is not null && isRtx:
                    length = System.Text.Encoding.ASCII.GetBytes(Rid, value);
                    break;
                case HeaderExtensionKind.AudioLevel:
                    value[0] = IsSilent ? (byte)127 : AudioLevel;
                    length = 1;
                    break;
                case HeaderExtensionKind.VideoOrientation:
                    value[0] = Orientation;
                    length = 1;
                    break;
                case HeaderExtensionKind.PlayoutDelay:
                    PlayoutDelay.CopyTo(value);
                    length = PlayoutDelay.Length;
                    break;
                case HeaderExtensionKind.DependencyDescriptor when isRtx:
                case HeaderExtensionKind.AbsCaptureTime when isRtx:
                    length = original.TryGet(id, out ReadOnlySpan<byte> former) ? former.Length : 0;
                    former.CopyTo(value);
                    break;
                case HeaderExtensionKind.AbsCaptureTime:
                    length = _captureTime.Write(value);
                    break;
                case HeaderExtensionKind.AbsSendTime:
                    SendTime.CopyTo(value);
                    length = SendTime.Length;
                    break;
                case HeaderExtensionKind.DependencyDescriptor:
                    DependencyDescriptor.CopyTo(value);
                    length = DependencyDescriptor.Length;
                    break;
                case HeaderExtensionKind.TransportCc:
                    BinaryPrimitives.WriteUInt16BigEndian(value, _owner.NextTransportSequence());
                    length = 2;
                    break;
            }

            Assert.True(length == 0 || writer.TryAdd(id, value[..length]));
        }

        return writer.Finish();
    }

    private void SendRtx(byte[] original, OfferedFormat format)
    {
        Assert.True(RtpReader.TryParse(original, out RtpReader rtp));
        var header = new RtpHeader((byte)format.RtxPayloadType, rtp.Marker, new SequenceNumber((ushort)_rtxSequence), rtp.Timestamp, new Ssrc(RtxSsrc));
        byte[] packet = new byte[2048];
        int length = WriteHeader(packet, in header, isRtx: true, rtp.Extensions);
        Retransmission.WriteOriginalSequence(packet.AsSpan(length), rtp.SequenceNumber);
        length += Retransmission.OriginalSequenceLength;
        rtp.Payload.CopyTo(packet.AsSpan(length));
        length += rtp.Payload.Length;
        _owner.SendRtp(packet.AsSpan(0, length), _rtxSequence++);
    }

    private void SendPadding(uint ssrc, byte payloadType, ref long sequence, int length)
    {
        var header = new RtpHeader(payloadType, false, new SequenceNumber((ushort)sequence), 0, new Ssrc(ssrc), HasPadding: true);
        Span<byte> packet = stackalloc byte[512];
        int headerLength = WriteHeader(packet, in header);
        _owner.SendRtp(packet[..(headerLength + Padding.Write(packet[headerLength..], length))], sequence++);
    }

    private void SendReport(Instant now)
    {
        Span<byte> packet = stackalloc byte[256];
        var writer = new SpanWriter(packet);
        var fields = new SenderReport.Fields(new Ssrc(Ssrc), NtpOf(now + ClockAhead), TimestampOf(now), _packets, _bytes);
        SenderReport.Write(ref writer, in fields, []);
        SourceDescription.Write(ref writer, new Ssrc(Ssrc), "clock"u8);
        _owner.SendRtcp(writer.Written);
    }

    private void Remember(byte[] packet)
    {
        _history[(ushort)_sequence] = (packet, Format);
        _historyOrder.Enqueue((ushort)_sequence);
        if (_historyOrder.Count > HistoryLength)
        {
            _history.Remove(_historyOrder.Dequeue());
        }
    }
}
