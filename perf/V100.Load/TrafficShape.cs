using V100.Sfu.Sdp;

namespace V100.Load;

/// <summary>What a publisher sends at one time: a frame of so many packets, the next of its kind so much later.</summary>
internal readonly record struct ShapedFrame(MediaKind Kind, int Packets, int Bytes, TimeSpan UntilNext)
{
    /// <summary>Of video that an encoder made; where nothing says when a keyframe is, it is when somebody asks.</summary>
    public bool IsKeyframe { get; init; }

    /// <summary>
    /// Of the packet at <paramref name="index"/>, as libwebrtc splits a frame: about equally, the packets that are a byte longer last.
    /// </summary>
    public int LengthOf(int index) => Bytes / Packets + (index >= Packets - Bytes % Packets ? 1 : 0);
}

/// <summary>When a publisher sends what, of one kind of media. Each publisher has its own.</summary>
internal abstract class TrafficShape
{
    public const int AudioBytes = 160;

    /// <summary>A call whose picture comes in three encodings.</summary>
    public const string Simulcast = "simulcast";

    private static readonly (string Rid, double Share)[] _encodings = [("h", 0.7), ("m", 0.2), ("l", 0.1)];
    private static readonly TimeSpan _audioInterval = TimeSpan.FromMilliseconds(20);

    public abstract MediaKind Kind { get; }

    /// <summary>Of a simulcast encoding; null where there is but one.</summary>
    public string? Rid { get; private init; }

    /// <summary><see cref="ShapedFrame.IsKeyframe"/> says which frames are; else any is that is asked for.</summary>
    public virtual bool ChoosesKeyframes => false;

    /// <param name="wantsKeyframe">Somebody asks for one.</param>
    public abstract ShapedFrame Next(bool wantsKeyframe);

    public static TrafficShape[] Create(PublishAndPlayOptions options, Random random)
    {
        TrafficShape audio = new Even(new ShapedFrame(MediaKind.Audio, 1, AudioBytes, _audioInterval));
        return options.Shape switch
        {
            "audio" => [audio],
            "video" => [new Encoded(options, random, share: 1)],
            "call" => [audio, new Encoded(options, random, share: 1)],
            Simulcast => [audio, .. _encodings.Select(encoding => new Encoded(options, random, encoding.Share) { Rid = encoding.Rid })],
            _ => [new Even(new ShapedFrame(MediaKind.Video, options.Burst, options.Burst * options.Size, TimeSpan.FromSeconds((double)options.Burst / options.Rate)))],
        };
    }

    private sealed class Even(ShapedFrame frame) : TrafficShape
    {
        public override MediaKind Kind => frame.Kind;

        public override ShapedFrame Next(bool wantsKeyframe) => frame;
    }

    /// <summary>
    /// Frames as an encoder with a fixed bitrate makes them: of one size within a quarter, and keyframes that are so many times larger,
    /// every so often and when asked for, at most one in half a second.
    /// </summary>
    private sealed class Encoded : TrafficShape
    {
        private const double Variation = 0.25;
        private static readonly TimeSpan _minKeyframeInterval = TimeSpan.FromMilliseconds(500);

        private readonly Random _random;
        private readonly TimeSpan _interval;
        private readonly int _framesPerKeyframe;
        private readonly int _minFramesPerKeyframe;
        private readonly double _bytes;
        private readonly double _keyframeBytes;
        private readonly int _size;
        private int _framesSinceKeyframe = int.MaxValue;

        public Encoded(PublishAndPlayOptions options, Random random, double share)
        {
            _random = random;
            _size = options.Size;
            _interval = TimeSpan.FromSeconds(1.0 / options.FramesPerSecond);
            _framesPerKeyframe = Math.Max(1, options.KeyframeSeconds * options.FramesPerSecond);
            _minFramesPerKeyframe = (int)Math.Ceiling(_minKeyframeInterval / _interval);
            double mean = share * options.Kbps * 1000.0 / 8 / options.FramesPerSecond;
            _bytes = mean * _framesPerKeyframe / (_framesPerKeyframe - 1 + options.KeyframeRatio);
            _keyframeBytes = _bytes * options.KeyframeRatio;
        }

        public override MediaKind Kind => MediaKind.Video;

        public override bool ChoosesKeyframes => true;

        public override ShapedFrame Next(bool wantsKeyframe)
        {
            bool isKeyframe = _framesSinceKeyframe >= _framesPerKeyframe || (wantsKeyframe && _framesSinceKeyframe >= _minFramesPerKeyframe);
            _framesSinceKeyframe = isKeyframe ? 1 : _framesSinceKeyframe + 1;
            double size = (isKeyframe ? _keyframeBytes : _bytes) * (1 - Variation + 2 * Variation * _random.NextDouble());
            int packets = (int)Math.Ceiling(size / _size);
            int bytes = Math.Max((int)size, packets * PublishAndPlayOptions.MinSize);
            return new ShapedFrame(MediaKind.Video, packets, bytes, _interval) { IsKeyframe = isKeyframe };
        }
    }
}
