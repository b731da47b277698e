using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class LayerRatesTests
{
    [Fact]
    public void Shares_of_temporal_layers_are_those_of_the_table()
    {
        Assert.Equal([1.0], Shares(1));
        Assert.Equal([0.6, 1], Shares(2));
        Assert.Equal([0.4, 0.6, 1], Shares(3));
        Assert.Equal([0.25, 0.4, 0.6, 1], Shares(4));
        static double[] Shares(int count) => [.. Enumerable.Range(0, count).Select(layer => LayerRates.TemporalShare(layer, count))];
    }

    [Fact]
    public void Spatial_layers_add_up_and_each_has_more_than_the_one_below()
    {
        double below = 0;
        double difference = 0;
        for (int layer = 0; layer < 3; layer++)
        {
            double share = LayerRates.SpatialShare(layer, 3);
            Assert.True(share - below > difference);
            (difference, below) = (share - below, share);
        }

        Assert.Equal(1, below, 9);
    }

    [Fact]
    public void What_is_not_measured_follows_from_what_is()
    {
        LayerOption[] options =
        [
            new(new LayerChoice(0, 0, 0), 0, 640, 360),
            new(new LayerChoice(0, 0, 1), 0),
            new(new LayerChoice(0, 0, 2), 1_000_000, 0, 0, 24),
            new(new LayerChoice(1, 0, 0), 0, 1280, 720),
        ];
        LayerRates.Fill(options);
        Assert.Equal([400_000, 600_000, 1_000_000], options[..3].Select(option => option.BitrateBps));
        Assert.All(options[..3], option => Assert.Equal((640, 360), (option.Width, option.Height)));
        Assert.Equal([6f, 12f, 24f], options[..3].Select(option => option.FramesPerSecond));
        Assert.InRange(options[3].BitrateBps, 1_500_000, 3_000_000);
        Assert.Equal(30f, options[3].FramesPerSecond);
    }

    [Theory]
    [InlineData(int.MaxValue, float.PositiveInfinity, long.MaxValue)]
    [InlineData(-5, float.NaN, long.MinValue)]
    public void What_a_publisher_cannot_mean_is_bounded(int size, float framesPerSecond, long bitrateBps)
    {
        LayerOption[] options = [new(new LayerChoice(0, 0, 0), bitrateBps, size, size, framesPerSecond), new(new LayerChoice(127, 127, 127), bitrateBps, size, 1, framesPerSecond)];
        LayerRates.Fill(options);
        Assert.All(options, option =>
        {
            Assert.InRange(option.BitrateBps, 1, 1_000_000_000_000);
            Assert.InRange(option.Width * option.Height, 1, 16_384 * 16_384);
            Assert.InRange(option.FramesPerSecond, 1, 240);
        });
    }
}
