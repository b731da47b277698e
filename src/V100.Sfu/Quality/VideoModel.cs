using V100.Sfu.Sdp;

namespace V100.Sfu.Quality;

/// <summary>What a picture comes through as.</summary>
public readonly record struct VideoInputs
{
    public CodecKind Codec { get; init; }
    public double BitrateBps { get; init; }

    /// <summary>In pixels; 0 while unknown, which counts as 640 × 360.</summary>
    public int Width { get; init; }

    /// <inheritdoc cref="Width"/>
    public int Height { get; init; }

    /// <summary>Of a picture that is meant to move; <see cref="double.PositiveInfinity"/> for one that need not.</summary>
    public double FramesPerSecond { get; init; }

    /// <summary>0 to 1, of the packets that no retransmission brought back.</summary>
    public double Loss { get; init; }

    /// <summary>0 to 1: for how much of the time the picture stood still.</summary>
    public double FrozenShare { get; init; }

    /// <summary>How many pixels are wanted for each that comes: 1 and more.</summary>
    public double Enlargement { get; init; }
}

/// <summary>
/// How well a moving picture looks in a call, by the video part of ITU-T G.1070 (opinion model for video-telephony): Vq = 1 + IOfr · G(Fr) · exp(−Ppl / DPpl).
/// </summary>
/// <remarks>
/// That model was made for conversations and asks for what a server of media can measure: bitrate, frame rate and loss. P.1203 in mode 0 asks for what it cannot (the size of the screen, stalls as a player counts them),
/// is made for streams over reliable transport and knows no loss. The coefficients are those of H.264 at VGA on 9.2 inches (v1 to v12: 5.517, 0.0129, 3.459, 178.53, 1.02, 1.15, 0.000355, 0.114, 513.77, 0.736, −6.451, 13.684). What is done otherwise:
/// <list type="bullet">
/// <item>Bitrates of other sizes count as that of VGA which takes as many bits for its looks: by the power 0.75 of the number of pixels. VP8 counts as H.264, VP9 as 1.25 times as much and AV1 as 1.45 times, less than
/// their gains in offline encoders.</item>
/// <item>The optimal frame rate is 15, with the deviation that belongs to it (v1, v2, v6, v7), and more pictures are never worse; robustness to loss is that of v9 kbit/s. With those that move with the bitrate, fewer
/// pictures, or fewer bits, would at times raise the score.</item>
/// <item>A picture that is shown larger than it was sent loses by the upscaling term of P.1203.1 (8.1.2, u1 = 72.61, u2 = 0.32), and one that stands still by the share of P.1203.3 for the length of stalls: exp(−(still / moving) / 0.919).</item>
/// </list>
/// </remarks>
public static class VideoModel
{
    private const double V3 = 3.459;
    private const double V4 = 178.53;
    private const double V5 = 1.02;

    /// <summary>DPpl, in percent: v10 + v12 · exp(−1), that of v9 kbit/s.</summary>
    private const double LossRobustness = 0.736 + 13.684 * 0.36788;
    private const double OptimalFramesPerSecond = 15;
    private const double FrameRateDeviation = 1.41;
    private const double U1 = 72.61;
    private const double U2 = 0.32;
    private const double StallLength = 0.91890815;
    private const double VgaPixels = 640 * 480;
    private const double UnknownPixels = 640 * 360;
    private const double SizeExponent = 0.75;

    /// <summary>1 to 4.46.</summary>
    public static double Score(in VideoInputs inputs)
    {
        double kbps = inputs.BitrateBps / 1000 * GainOf(inputs.Codec) / SizeFactor(in inputs);
        double coding = V3 - V3 / (1 + Math.Pow(Math.Max(0, kbps) / V4, V5));
        return 1 + coding * MotionFactor(inputs.FramesPerSecond) * LossFactor(inputs.Loss) * EnlargementFactor(inputs.Enlargement) * FreezeFactor(inputs.FrozenShare);
    }

    private static double GainOf(CodecKind codec) => codec switch
    {
        CodecKind.Vp9 => 1.25,
        CodecKind.Av1 => 1.45,
        _ => 1,
    };

    private static double SizeFactor(in VideoInputs inputs)
    {
        double pixels = (double)inputs.Width * inputs.Height;
        return Math.Pow((pixels > 0 ? pixels : UnknownPixels) / VgaPixels, SizeExponent);
    }

    private static double MotionFactor(double framesPerSecond)
    {
        double distance = Math.Log(Math.Clamp(framesPerSecond, 0.01, OptimalFramesPerSecond) / OptimalFramesPerSecond);
        return Math.Exp(-distance * distance / (2 * FrameRateDeviation * FrameRateDeviation));
    }

    private static double LossFactor(double loss) => Math.Exp(-100 * Math.Clamp(loss, 0, 1) / LossRobustness);

    private static double EnlargementFactor(double enlargement) => Math.Max(0, 1 - U1 / 100 * Math.Log10(U2 * (Math.Max(1, enlargement) - 1) + 1));

    private static double FreezeFactor(double share) => share >= 1 ? 0 : Math.Exp(-Math.Max(0, share) / (1 - Math.Max(0, share)) / StallLength);
}
