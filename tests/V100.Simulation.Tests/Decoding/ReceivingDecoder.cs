using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Simulation.Decoding;

/// <summary>
/// The receiving end of a browser: puts packets together to frames, and gives those to the decoder whose references it got, by what the
/// packets' own descriptors say.
/// </summary>
internal sealed class ReceivingDecoder(CodecKind codec)
{
    private readonly SortedDictionary<long, SentCopy> _packets = [];
    private readonly PacketLayersReader _reader = new();
    private bool _awaitsKeyframe = true;
    private bool _isBroken;
    private int _levelZero;

    /// <summary>The frames that can be decoded: time at 90 kHz, bytes, and what they were.</summary>
    public List<(long Time, byte[] Bytes, Origin Origin)> Decodable { get; } = [];

    /// <summary>Frames of which packets are missing, or what they refer to.</summary>
    public int Lost { get; private set; }

    public void Receive(SentCopy packet) => Assert.True(_packets.TryAdd(packet.Sequence.Value, packet), "a number came twice");

    /// <summary>Goes through everything that came.</summary>
    public void Decode()
    {
        var timestamps = new SequenceOfTimes();
        List<SentCopy> frame = [];
        HashSet<uint> seen = [];
        foreach (SentCopy packet in _packets.Values)
        {
            if (packet.Origin is null)
            {
                continue;
            }

            if (frame.Count > 0 && TimestampOf(frame[0]) != TimestampOf(packet))
            {
                Decode(frame, timestamps.Extend(TimestampOf(frame[0])));
                frame.Clear();
            }

            Assert.True(frame.Count > 0 || seen.Add(TimestampOf(packet)), "two frames have one timestamp");
            frame.Add(packet);
        }

        Decode(frame, timestamps.Extend(TimestampOf(frame[0])));
    }

    private void Decode(List<SentCopy> packets, long time)
    {
        Assert.All(packets, packet => Assert.Same(packets[0].Origin, packet.Origin));
        bool isComplete = true;
        PacketLayers first = default;
        for (int index = 0; index < packets.Count; index++)
        {
            PacketLayers layers = Read(packets[index]);
            first = index == 0 ? layers : first;
            bool isContiguous = index == 0 || AreContiguous(packets[index - 1], packets[index]);
            isComplete &= isContiguous && layers.StartsFrame == (index == 0) && layers.EndsPicture == (index == packets.Count - 1);
        }

        int levelZero = LevelZeroOf(packets[0], in first);
        bool isReferenced = first.IsKeyframe || !_awaitsKeyframe
            && (first.TemporalLayer == 0 ? levelZero == _levelZero : !_isBroken && levelZero == (_levelZero - 1 & 0xFF));
        if (!isComplete || !isReferenced)
        {
            Lost++;
            _isBroken = true;
            _awaitsKeyframe |= first.TemporalLayer == 0;
            return;
        }

        if (first.TemporalLayer == 0)
        {
            _levelZero = levelZero + 1 & (codec == CodecKind.Av1 ? 0xFFFF : 0xFF);
            _isBroken = false;
            _awaitsKeyframe = false;
        }

        Decodable.Add((time, Assemble(packets), packets[0].Origin!));
    }

    private bool AreContiguous(SentCopy before, SentCopy after)
    {
        // Slots of packets that the forwarder did not want hold padding.
        for (long between = before.Sequence.Value + 1; between < after.Sequence.Value; between++)
        {
            if (!_packets.TryGetValue(between, out SentCopy? packet) || packet.Origin is not null)
            {
                return false;
            }
        }

        return true;
    }

    private PacketLayers Read(SentCopy packet)
    {
        Assert.True(RtpReader.TryParse(packet.Packet, out RtpReader rtp));
        Assert.True(_reader.TryRead(codec, in rtp, SelectiveForwarder.DescriptorId, out PacketLayers layers));
        return layers;
    }

    private int LevelZeroOf(SentCopy packet, in PacketLayers layers)
    {
        Assert.True(RtpReader.TryParse(packet.Packet, out RtpReader rtp));
        switch (codec)
        {
            case CodecKind.Vp8:
                Assert.True(Vp8Descriptor.TryParse(rtp.Payload, out Vp8Descriptor vp8));
                return vp8.TemporalLevelZeroIndex;
            case CodecKind.Vp9:
                Assert.True(Vp9Descriptor.TryParse(rtp.Payload, out Vp9Descriptor vp9));
                return vp9.TemporalLevelZeroIndex;
            default:
                return (int)(layers.Picture & 0xFFFF);
        }
    }

    private byte[] Assemble(List<SentCopy> packets)
    {
        List<byte[]> payloads = [];
        foreach (SentCopy packet in packets)
        {
            Assert.True(RtpReader.TryParse(packet.Packet, out RtpReader rtp));
            ReadOnlySpan<byte> payload = rtp.Payload;
            int skipped = 0;
            if (codec == CodecKind.Vp8 && Vp8Descriptor.TryParse(payload, out Vp8Descriptor vp8))
            {
                skipped = vp8.Length;
            }
            else if (codec == CodecKind.Vp9 && Vp9Descriptor.TryParse(payload, out Vp9Descriptor vp9))
            {
                skipped = vp9.Length;
            }

            payloads.Add(payload[skipped..].ToArray());
        }

        return codec == CodecKind.Av1 ? Av1Units.Assemble(payloads) : [.. payloads.SelectMany(payload => payload)];
    }

    private static uint TimestampOf(SentCopy packet)
    {
        Assert.True(RtpReader.TryParse(packet.Packet, out RtpReader rtp));
        return rtp.Timestamp;
    }

    /// <summary>Timestamps without wraps; each frame's is later than the one before.</summary>
    private sealed class SequenceOfTimes
    {
        private long _newest = -1;
        private uint _wire;

        public long Extend(uint timestamp)
        {
            int step = _newest < 0 ? 1 : (int)(timestamp - _wire);
            Assert.True(step > 0, $"time goes back by {-step}");
            _wire = timestamp;
            return _newest += step;
        }
    }
}
