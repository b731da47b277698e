using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Simulation.Decoding;

/// <summary>Which frame of which encoding a packet is of; the packets of one share it.</summary>
internal sealed record Origin(EncodedClip Clip, int Frame, int Index);

/// <summary>A packet as it was sent to the subscriber; padding alone has no origin.</summary>
internal sealed record SentCopy(ExtendedSequence Sequence, byte[] Packet, Origin? Origin);

/// <summary>
/// The encodings of one track and one subscription to it, put together out of the parts of the packet path: readers, selector and rewriters.
/// </summary>
internal sealed class SelectiveForwarder(CodecKind codec, Random random, Action<SentCopy> send)
{
    public const byte DescriptorId = 9;
    private const int CacheLength = 2_000;

    private readonly Source[] _sources = [new(), new(), new()];
    private readonly SequenceRewriter _sequences = new(new SequenceNumber((ushort)random.Next(32_768)));
    private readonly TimestampRewriter _timestamps = new((uint)random.NextInt64(uint.MaxValue), 90_000);
    private readonly SentPacketHistory _history = new(1024, TimeSpan.FromSeconds(2));
    private readonly Vp8Rewriter _vp8 = new();
    private readonly Vp9Rewriter _vp9 = new();
    private readonly DependencyDescriptorRewriter _descriptors = new();
    private readonly Dictionary<long, bool> _markers = [];
    private uint _lastTimestamp;

    public LayerSelector Selector { get; } = new();

    private sealed class Source
    {
        public PacketLayersReader Reader { get; } = new();
        public KeyframeAssembly Keyframes { get; } = new();
        public SortedDictionary<long, (byte[] Bytes, PacketLayers Layers, Origin Origin)> Cache { get; } = [];
        public SequenceUnwrapper Unwrapper;
    }

    public void Receive(byte[] packet, Origin origin, Instant now)
    {
        int encoding = origin.Clip.Encoding;
        Source source = _sources[encoding];
        Assert.True(RtpReader.TryParse(packet, out RtpReader rtp));
        ExtendedSequence sequence = source.Unwrapper.Unwrap(rtp.SequenceNumber);
        Assert.True(source.Reader.TryRead(codec, in rtp, SimulcastSender.DescriptorId, out PacketLayers layers));
        source.Keyframes.OnPacket(sequence, in layers, now);
        source.Cache.TryAdd(sequence.Value, (packet, layers, origin));
        if (source.Cache.Count > CacheLength)
        {
            source.Cache.Remove(source.Cache.First().Key);
        }

        Handle(encoding, sequence, packet, in layers, origin, now);
    }

    public byte[]? Retransmit(SequenceNumber lost, Instant now)
    {
        if (_history.TryRetransmit(lost, now, default, out SentPacket sent) != RetransmissionDecision.Send)
        {
            return null;
        }

        (byte[] bytes, PacketLayers layers, _) = _sources[sent.Layer].Cache[sent.Source.Value];
        Assert.True(RtpReader.TryParse(bytes, out RtpReader rtp));
        Span<byte> fields = stackalloc byte[8];
        Span<byte> value = stackalloc byte[255];
        int written = 0;
        int consumed = 0;
        int length = 0;
        bool applied = codec switch
        {
            CodecKind.Vp8 => Vp8Rewriter.Reapply(sent.CodecState, rtp.Payload, fields, out written, out consumed),
            CodecKind.Vp9 => Vp9Rewriter.Reapply(sent.CodecState, rtp.Payload, fields, out written, out consumed),
            _ => rtp.Extensions.TryGet(SimulcastSender.DescriptorId, out ReadOnlySpan<byte> source)
                && _descriptors.Reapply(sent.CodecState, source, in layers, value, out length),
        };
        Assert.True(applied);
        return Write(sent.Output, sent.Timestamp, _markers[sent.Output.Value], fields[..written], value[..length], rtp.Payload[consumed..]);
    }

    private void Handle(int encoding, ExtendedSequence sequence, byte[] packet, in PacketLayers layers, Origin origin, Instant now)
    {
        Source source = _sources[encoding];
        LayerDecision decision = Selector.Decide(encoding, 0, sequence, in layers, source.Keyframes, now);
        Assert.True(RtpReader.TryParse(packet, out RtpReader rtp));
        switch (decision.Action)
        {
            case LayerAction.Forward:
                Forward(encoding, sequence, in rtp, in layers, decision.Marker, origin, now);
                break;
            case LayerAction.Drop:
                Drop(sequence, in rtp);
                break;
            case LayerAction.SwitchHere:
                Switch(encoding, decision.First, now);
                break;
        }
    }

    private void Switch(int encoding, ExtendedSequence first, Instant now)
    {
        Source source = _sources[encoding];
        _sequences.SwitchTo(first);
        Assert.True(RtpReader.TryParse(source.Cache[first.Value].Bytes, out RtpReader rtp));
        _timestamps.SwitchTo(rtp.Timestamp, now);
        _vp8.SwitchTo();
        _vp9.SwitchTo();
        _descriptors.SwitchTo();
        foreach ((long sequence, (byte[] bytes, PacketLayers layers, Origin origin)) in source.Cache.ToArray())
        {
            if (sequence >= first.Value)
            {
                Handle(encoding, new ExtendedSequence(sequence), bytes, in layers, origin, now);
            }
        }
    }

    private void Forward(
        int encoding, ExtendedSequence sequence, in RtpReader rtp, in PacketLayers layers, bool marker, Origin origin, Instant now)
    {
        if (!_sequences.TryForward(sequence, out ExtendedSequence output))
        {
            return;
        }

        uint timestamp = _timestamps.Rewrite(rtp.Timestamp, now);
        Span<byte> fields = stackalloc byte[8];
        Span<byte> value = stackalloc byte[255];
        int written = 0;
        int consumed = 0;
        int length = 0;
        uint state = 0;
        LayerTarget current = Selector.Current;
        bool rewritten = codec switch
        {
            CodecKind.Vp8 => _vp8.TryRewrite(rtp.Payload, fields, out written, out consumed, out state),
            CodecKind.Vp9 => _vp9.TryRewrite(rtp.Payload, fields, out written, out consumed, out state),
            _ => rtp.Extensions.TryGet(SimulcastSender.DescriptorId, out ReadOnlySpan<byte> source)
                && _descriptors.TryRewrite(source, in layers, current.Spatial, current.Temporal, value, out length, out state),
        };
        Assert.True(rewritten);
        _history.Add(new SentPacket(sequence, output, timestamp, (byte)encoding, state), now);
        _markers[output.Value] = marker;
        _lastTimestamp = timestamp;
        send(new SentCopy(output, Write(output, timestamp, marker, fields[..written], value[..length], rtp.Payload[consumed..]), origin));
    }

    private void Drop(ExtendedSequence sequence, in RtpReader rtp)
    {
        if (codec == CodecKind.Vp8)
        {
            _vp8.Drop(rtp.Payload);
        }

        if (_sequences.Drop(sequence, out ExtendedSequence slot) == SequenceDrop.FillSlot)
        {
            send(new SentCopy(slot, Write(slot, _lastTimestamp, false, default, default, default), null));
        }
    }

    private static byte[] Write(
        ExtendedSequence output, uint timestamp, bool marker, ReadOnlySpan<byte> fields, ReadOnlySpan<byte> descriptor, ReadOnlySpan<byte> rest)
    {
        byte[] packet = new byte[300 + fields.Length + rest.Length];
        var writer = new RtpHeaderWriter(packet, new RtpHeader(100, marker, output.Wire, timestamp, new Ssrc(77)));
        Assert.True(descriptor.IsEmpty || writer.TryAdd(DescriptorId, descriptor));
        int length = writer.Finish();
        fields.CopyTo(packet.AsSpan(length));
        rest.CopyTo(packet.AsSpan(length + fields.Length));
        return packet[..(length + fields.Length + rest.Length)];
    }
}
