using V100.Sfu.Bwe;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Bwe;

public class LossControllerTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(0.03)]
    [InlineData(0.08)]
    public void Constant_loss_bounds_nothing_for_long(double loss)
    {
        Random random = Seeds.NewRandom(output);
        var controller = new LossController(30_000);
        double bounded = 0;
        for (int step = 0; step < 400; step++)
        {
            long rate = (long)Math.Min(1_000_000 * (0.9 + 0.2 * random.NextDouble()), controller.BoundBps);
            int lost = 0;
            for (int packet = 0; packet < 40; packet++)
            {
                lost += random.NextDouble() < loss ? 1 : 0;
            }

            controller.OnObservation(rate, 40, lost, 0.25, rate);
            bounded += controller.BoundBps < 700_000 ? 1 : 0;
        }

        Assert.InRange(bounded / 400, 0, 0.4);
        Assert.InRange(controller.Fraction, loss / 3, loss * 3);
    }

    [Fact]
    public void Loss_that_grows_with_the_rate_bounds_it()
    {
        var controller = new LossController(30_000);
        for (int step = 0; step < 20; step++)
        {
            long rate = 800_000 + 40_000 * step;
            double lost = rate > 1_000_000 ? 40 * (1 - 1_000_000.0 / rate) : 0;
            controller.OnObservation(rate, 40, lost, 0.25, rate);
        }

        Assert.InRange(controller.BoundBps, 850_000, 1_150_000);
    }

    [Fact]
    public void A_probe_that_fits_lifts_the_bound()
    {
        var controller = new LossController(30_000);
        for (int step = 0; step < 10; step++)
        {
            controller.OnObservation(1_000_000, 100, 60, 0.25, 1_000_000);
        }

        Assert.NotEqual(long.MaxValue, controller.BoundBps);
        controller.OnProbe(900_000);
        Assert.Equal(long.MaxValue, controller.BoundBps);
    }

    [Fact]
    public void The_bound_never_falls_below_its_floor()
    {
        var controller = new LossController(30_000);
        for (int step = 0; step < 200; step++)
        {
            controller.OnObservation(Math.Min(100_000, controller.BoundBps), 20, 20, 1, 50_000);
        }

        Assert.InRange(controller.BoundBps, 30_000, 100_000);
    }
}
