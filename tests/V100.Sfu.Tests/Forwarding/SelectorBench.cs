using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Forwarding;

/// <summary>Three encodings of a model stream and one selector, in virtual time; it remembers what was sent.</summary>
internal sealed class SelectorBench
{
    private static readonly TimeSpan _frameTime = TimeSpan.FromMilliseconds(33);
    private readonly Random _random;
    private readonly LayeredStream[] _streams;
    private readonly KeyframeAssembly[] _keyframes = [new(), new(), new()];
    private readonly SortedDictionary<long, (ModelFrame Frame, PacketLayers Layers)>[] _caches = [[], [], []];
    private readonly PriorityQueue<(ModelFrame Frame, ExtendedSequence Sequence, PacketLayers Layers), (Instant At, int Order)> _flying = new();
    private readonly HashSet<(int Encoding, long Sequence)> _sent = [];
    private readonly HashSet<ModelFrame> _markers = [];
    private readonly List<ModelFrame> _frames = [];
    private readonly HashSet<int> _silent = [];
    private readonly HashSet<ModelFrame> _abandoned = [];
    private readonly long[] _firsts = new long[3];
    private int _order;

    public SelectorBench(Layering layering, Random random, int keyframeInterval)
    {
        _random = random;
        _streams = [.. Enumerable.Range(0, 3).Select(encoding => new LayeredStream(layering, encoding, random, keyframeInterval))];

        // Their key frames do not come together.
        for (int encoding = 1; encoding < 3; encoding++)
        {
            for (int skipped = 0; skipped < 4 * encoding && keyframeInterval < 100; skipped++)
            {
                _streams[encoding].Next();
            }
        }
    }

    public LayerSelector Selector { get; } = new();
    public Instant Now { get; private set; } = new(1_000_000_000);

    /// <summary>One picture of every encoding; with delays some packets overtake others, by up to four pictures.</summary>
    public void Play(int pictures = 1, bool delayed = false, bool keyframe = false)
    {
        for (; pictures > 0; pictures--)
        {
            foreach (LayeredStream stream in _streams)
            {
                foreach (ModelFrame frame in stream.Next(keyframe))
                {
                    Send(frame, delayed);
                }
            }

            AdvanceTo(Now + _frameTime);
        }
    }

    public void PlayUntil(Func<bool> condition)
    {
        for (int picture = 0; picture < 64 && !condition(); picture++)
        {
            Play();
        }

        Assert.True(condition());
    }

    /// <summary>A key frame of one encoding, of which the first packet stays away.</summary>
    public (ModelFrame Frame, (ExtendedSequence Sequence, PacketLayers Layers) Missing) PlayKeyframeWithoutItsFirst(int encoding)
    {
        ModelFrame key;
        do
        {
            key = _streams[encoding].Next(keyframe: true)[0];
        }
        while (key.Packets.Count == 1);

        _frames.Add(key);
        foreach ((ExtendedSequence sequence, PacketLayers layers) in key.Packets.Skip(1))
        {
            Receive(key, sequence, layers);
        }

        return (key, key.Packets[0]);
    }

    public void Silence(int encoding) => _silent.Add(encoding);

    public void Drain() => AdvanceTo(Now + TimeSpan.FromSeconds(1));

    public HashSet<(int Encoding, int Picture)> LastPictures(int count) =>
        [.. _streams.SelectMany((stream, encoding) => Enumerable.Range(stream.Pictures - count, count).Select(picture => (encoding, picture)))];

    public List<ModelFrame> ForwardedOf(HashSet<(int Encoding, int Picture)> pictures) =>
        [.. _frames.Where(frame => pictures.Contains((frame.Encoding, frame.PictureIndex)) && IsSent(frame))];

    public bool HasMarker(ModelFrame frame) => _markers.Contains(frame);

    /// <summary>
    /// Of each frame all packets went or none, and of each that went so did everything that it needs: but for frames that were in flight
    /// when their encoding was left, and what came behind those.
    /// </summary>
    public void AssertDecodable()
    {
        Assert.Contains(_frames, IsSent);
        HashSet<ModelFrame> broken = [.. _abandoned];
        foreach (ModelFrame frame in _frames)
        {
            int sent = frame.Packets.Count(packet => _sent.Contains((frame.Encoding, packet.Sequence.Value)));
            Assert.True(sent == 0 || sent == frame.Packets.Count || broken.Contains(frame), $"{sent} of {frame.Packets.Count} packets of {Describe(frame)}");
            if (sent == 0)
            {
                continue;
            }

            foreach (ModelFrame need in frame.Needs)
            {
                if (broken.Contains(need))
                {
                    broken.Add(frame);
                }

                Assert.True(broken.Contains(frame) || IsSent(need), $"{Describe(frame)} needs {Describe(need)}");
            }
        }
    }

    public void Receive(ModelFrame frame, ExtendedSequence sequence, PacketLayers layers)
    {
        int encoding = frame.Encoding;
        _keyframes[encoding].OnPacket(sequence, in layers, Now);
        _caches[encoding].TryAdd(sequence.Value, (frame, layers));
        Handle(frame, sequence, layers);
    }

    private void Handle(ModelFrame frame, ExtendedSequence sequence, PacketLayers layers)
    {
        int before = Selector.Current.Encoding;
        LayerDecision decision = Selector.Decide(frame.Encoding, 0, sequence, in layers, _keyframes[frame.Encoding], Now);
        if (before >= 0 && Selector.Current.Encoding != before)
        {
            Abandon(before);
        }

        // What the sequence rewriter refuses: packets from before the encoding's first.
        if (decision.Action == LayerAction.Forward && sequence.Value >= _firsts[frame.Encoding])
        {
            _sent.Add((frame.Encoding, sequence.Value));
            if (decision.Marker)
            {
                _markers.Add(frame);
            }
        }

        if (decision.Action == LayerAction.SwitchHere)
        {
            _firsts[frame.Encoding] = decision.First.Value;
            foreach ((long cached, (ModelFrame of, PacketLayers read)) in _caches[frame.Encoding].Where(pair => pair.Key >= decision.First.Value).ToArray())
            {
                Handle(of, new ExtendedSequence(cached), read);
            }
        }
    }

    /// <summary>What has not come of an encoding that is left will not be sent.</summary>
    private void Abandon(int encoding)
    {
        foreach (((ModelFrame frame, _, _), _) in _flying.UnorderedItems)
        {
            if (frame.Encoding == encoding)
            {
                _abandoned.Add(frame);
            }
        }
    }

    private void Send(ModelFrame frame, bool delayed)
    {
        _frames.Add(frame);
        foreach ((ExtendedSequence sequence, PacketLayers layers) in frame.Packets)
        {
            TimeSpan delay = delayed && _random.Next(25) == 0 ? TimeSpan.FromMilliseconds(_random.Next(1, 130)) : TimeSpan.Zero;
            if (!_silent.Contains(frame.Encoding))
            {
                _flying.Enqueue((frame, sequence, layers), (Now + delay, _order++));
            }
        }
    }

    private void AdvanceTo(Instant end)
    {
        while (_flying.TryPeek(out (ModelFrame Frame, ExtendedSequence Sequence, PacketLayers Layers) packet, out (Instant At, int Order) due) && due.At < end)
        {
            _flying.Dequeue();
            Now = due.At;
            Receive(packet.Frame, packet.Sequence, packet.Layers);
        }

        Now = end;
    }

    private bool IsSent(ModelFrame frame) => frame.Packets.TrueForAll(packet => _sent.Contains((frame.Encoding, packet.Sequence.Value)));

    private static string Describe(ModelFrame frame) => $"picture {frame.PictureIndex} S{frame.Spatial} T{frame.Temporal} of encoding {frame.Encoding}";
}
