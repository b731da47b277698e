using V100.Sfu.Quality;

namespace V100.Sfu.Tests.Quality;

public sealed class EModelTests
{
    private static readonly double[] _losses = [0, 0.002, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.6, 1];
    private static readonly double[] _delays = [0, 50, 100, 101, 150, 200, 300, 400, 600, 1000];
    private static readonly double[] _rates = [100_000, 40_000, 33_000, 25_000, 20_000, 15_000, 8_000, 0];

    [Fact]
    public void The_full_model_has_the_rating_that_the_recommendation_gives_its_default_values()
        => Assert.InRange(FullEModel.Rating(0, 0, 0, 1), 93.1, 93.3);

    [Theory]
    [InlineData(93.2, 4.41)]
    [InlineData(90, 4.34)]
    [InlineData(80, 4.024)]
    [InlineData(70, 3.60)]
    [InlineData(60, 3.10)]
    [InlineData(50, 2.58)]
    [InlineData(0, 1)]
    [InlineData(-5, 1)]
    [InlineData(3, 1)]
    [InlineData(100, 4.5)]
    public void Ratings_become_the_opinions_of_annex_B(double rating, double mos) => Assert.Equal(mos, EModel.MosOf(rating), 0.005);

    /// <summary>Of a codec without impairment of its own at rest: the two differ by what echo adds.</summary>
    [Fact]
    public void Without_echo_the_rating_is_that_of_the_full_model()
    {
        double ie = 10.67 / 1.48;
        foreach (double loss in _losses)
        {
            // At rest no echo is heard, and up to 100 ms no delay.
            Assert.Equal(FullEModel.Rating(0, 100 * loss, ie, 10.5), EModel.Rate(new AudioInputs(loss, 0, 40_000)), 0.1);
            foreach (double delay in _delays)
            {
                double mine = EModel.Rate(new AudioInputs(loss, delay, 40_000));
                Assert.InRange(mine, FullEModel.Rating(delay, 100 * loss, ie, 10.5) - 0.1, EModel.Rate(new AudioInputs(loss, 0, 40_000)));
            }
        }
    }

    [Fact]
    public void The_score_falls_with_loss_with_delay_and_with_fewer_bits()
    {
        foreach (double loss in _losses)
        {
            foreach (double delay in _delays)
            {
                Falls(_rates, rate => EModel.Score(new AudioInputs(loss, delay, rate)));
            }

            foreach (double rate in _rates)
            {
                Falls(_delays, delay => EModel.Score(new AudioInputs(loss, delay, rate)));
            }
        }

        foreach (double delay in _delays)
        {
            foreach (double rate in _rates)
            {
                Falls(_losses, loss => EModel.Score(new AudioInputs(loss, delay, rate)));
            }
        }
    }

    [Fact]
    public void It_ranks_as_the_full_model_does()
    {
        var pairs = new List<(double Mine, double Full)>();
        foreach (double loss in _losses)
        {
            foreach (double delay in _delays)
            {
                pairs.Add((EModel.Score(new AudioInputs(loss, delay, 40_000)), FullEModel.Rating(delay, 100 * loss, 10.67 / 1.48, 10.5)));
            }
        }

        Assert.InRange(Ranks.Spearman([.. pairs.Select(pair => pair.Mine)], [.. pairs.Select(pair => pair.Full)]), 0.95, 1);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        double sum = 0;
        int step = 0;
        Rtp.Allocations.AssertNone(() =>
        {
            step++;
            sum += EModel.Score(new AudioInputs(step / 2000.0, step, 30_000)) + VideoModel.Score(new VideoInputs { BitrateBps = 1000 * step, FramesPerSecond = 30, Enlargement = 1 });
        });
        Assert.InRange(sum / step, 2, 9);
    }

    private static void Falls(double[] impairments, Func<double, double> score)
    {
        double former = 5;
        foreach (double impairment in impairments)
        {
            double next = score(impairment);
            Assert.InRange(next, 1, former);
            former = next;
        }
    }
}
