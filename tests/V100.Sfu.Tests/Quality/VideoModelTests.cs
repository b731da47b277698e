using V100.Sfu.Quality;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Quality;

public sealed class VideoModelTests
{
    private static readonly VideoInputs _good = new() { Codec = CodecKind.Vp8, BitrateBps = 1_500_000, Width = 1280, Height = 720, FramesPerSecond = 30, Enlargement = 1 };

    /// <summary>The recommendation's own function at its optimal frame rate: VGA, H.264, no loss.</summary>
    [Theory]
    [InlineData(178.53, 1 + 3.459 / 2)]
    [InlineData(600, 3.68)]
    [InlineData(100_000, 4.45)]
    public void A_picture_of_VGA_has_the_quality_of_G_1070(double kbps, double score)
        => Assert.Equal(score, VideoModel.Score(_good with { Width = 640, Height = 480, BitrateBps = 1000 * kbps }), 0.01);

    [Fact]
    public void More_of_anything_bad_is_never_better()
    {
        double[] steps = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 0.95, 1];
        Func<VideoInputs, double, VideoInputs>[] impairments =
        [
            (inputs, step) => inputs with { Loss = step },
            (inputs, step) => inputs with { FrozenShare = step },
            (inputs, step) => inputs with { BitrateBps = inputs.BitrateBps * (1 - step) },
            (inputs, step) => inputs with { FramesPerSecond = inputs.FramesPerSecond * (1 - step) },
            (inputs, step) => inputs with { Enlargement = 1 + 20 * step },
        ];
        foreach (Func<VideoInputs, double, VideoInputs> first in impairments)
        {
            foreach (Func<VideoInputs, double, VideoInputs> second in impairments)
            {
                foreach (double given in steps)
                {
                    double former = 5;
                    foreach (double step in steps)
                    {
                        double score = VideoModel.Score(first(second(_good, given), step));
                        Assert.InRange(score, 1, former);
                        former = score;
                    }
                }
            }
        }
    }

    [Fact]
    public void A_better_codec_and_a_smaller_picture_need_fewer_bits()
    {
        Assert.True(VideoModel.Score(_good with { Codec = CodecKind.Av1 }) > VideoModel.Score(_good with { Codec = CodecKind.Vp9 }));
        Assert.True(VideoModel.Score(_good with { Codec = CodecKind.Vp9 }) > VideoModel.Score(_good));
        Assert.True(VideoModel.Score(_good with { Width = 640, Height = 360 }) > VideoModel.Score(_good));

        // And yet shown as large it looks worse.
        Assert.True(VideoModel.Score(_good with { Width = 640, Height = 360, Enlargement = 4 }) < VideoModel.Score(_good));
    }

    [Fact]
    public void A_picture_that_stands_still_is_as_bad_as_can_be_and_one_that_need_not_move_is_not() => Assert.Equal(
        (1, VideoModel.Score(_good)),
        (VideoModel.Score(_good with { FrozenShare = 1 }), VideoModel.Score(_good with { FramesPerSecond = double.PositiveInfinity })));
}
