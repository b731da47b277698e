using System.Globalization;
using V100.Sfu.Sdp;

namespace V100.Simulation.Decoding;

/// <summary>
/// A short clip of one simulcast encoding that may be played in a loop: a key frame every <see cref="KeyframeInterval"/> frames, VP8 and VP9
/// with three temporal layers. With it what a decoder makes of each frame when it gets them all.
/// </summary>
internal sealed class EncodedClip
{
    public const int KeyframeInterval = 12;
    private const int Frames = 4 * KeyframeInterval;

    private EncodedClip(CodecKind codec, int encoding, List<byte[]> frames, string[] hashes)
    {
        Codec = codec;
        Encoding = encoding;
        EncodedFrames = frames;
        Hashes = hashes;
        Assert.Equal(Frames, frames.Count);
        Assert.Equal(Frames, hashes.Length);
    }

    public CodecKind Codec { get; }
    public int Encoding { get; }
    public List<byte[]> EncodedFrames { get; }
    public string[] Hashes { get; }
    public int Width => 64 << Encoding;
    public int Height => 36 << Encoding;

    public static bool IsKeyframe(int index) => index % KeyframeInterval == 0;

    public int TemporalLayerOf(int index) => Codec == CodecKind.Av1 ? 0 : (index % 4) switch { 0 => 0, 2 => 1, _ => 2 };

    /// <summary>In the pattern of libvpx the second frame of the highest layer is predicted from the middle one as well.</summary>
    public bool IsLayerSync(int index) => TemporalLayerOf(index) > 0 && index % 4 != 3;

    public static EncodedClip Encode(CodecKind codec, int encoding, string folder)
    {
        string file = Path.Combine(folder, $"{codec}-{encoding}.ivf");
        string size = string.Create(CultureInfo.InvariantCulture, $"testsrc2=size={64 << encoding}x{36 << encoding}:rate=30");
        string interval = KeyframeInterval.ToString(CultureInfo.InvariantCulture);
        string[] layers =
        [
            "-deadline", "realtime", "-auto-alt-ref", "0", "-error-resilient", codec == CodecKind.Vp8 ? "default" : "1", "-ts-parameters",
            "ts_number_layers=3:ts_target_bitrate=60,100,200:ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3",
        ];
        string[] coder = codec switch
        {
            CodecKind.Vp8 => ["libvpx", .. layers],
            CodecKind.Vp9 => ["libvpx-vp9", .. layers],
            _ => ["libaom-av1", "-usage", "realtime"],
        };
        Ffmpeg.Run(
        [
            "-y", "-f", "lavfi", "-i", size, "-frames:v", Frames.ToString(CultureInfo.InvariantCulture), "-c:v", .. coder, "-cpu-used", "8",
            "-b:v", "200k", "-g", interval, "-keyint_min", interval, "-lag-in-frames", "0", file,
        ]);
        return new EncodedClip(codec, encoding, IvfFile.Read(file), Ffmpeg.Decode(file));
    }
}
