using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtcp;

public class RoundTripEstimatorTests
{
    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    private static ReportBlock Block(uint lastSenderReport, double delaySeconds) =>
        new(new Ssrc(1), 0, 0, 0, 0, lastSenderReport, (uint)(delaySeconds * 65_536));

    [Fact]
    public void The_round_trip_is_the_time_since_the_report_less_the_receivers_delay()
    {
        var estimator = new RoundTripEstimator();
        estimator.OnSenderReportSent(0x0001_1111_2222_3333, Ms(1_000));
        Assert.False(estimator.HasEstimate);
        Assert.True(estimator.OnReportBlock(Block(0x11112222, 0.5), Ms(1_580)));
        Assert.Equal(80, estimator.Smoothed.TotalMilliseconds, 0);
        Assert.True(estimator.OnReportBlock(Block(0x11112222, 0.5), Ms(1_660)));
        Assert.Equal(90, estimator.Smoothed.TotalMilliseconds, 0);
    }

    [Fact]
    public void What_names_no_remembered_report_or_an_impossible_delay_is_refused()
    {
        var estimator = new RoundTripEstimator();
        Assert.False(estimator.OnReportBlock(Block(0, 0), Ms(5)));
        estimator.OnSenderReportSent(1UL << 16, Ms(1_000));
        Assert.False(estimator.OnReportBlock(Block(2, 0), Ms(1_100)));
        Assert.False(estimator.OnReportBlock(Block(1, 0.5), Ms(1_100)));
        for (uint report = 2; report <= 9; report++)
        {
            estimator.OnSenderReportSent((ulong)report << 16, Ms(1_000));
        }

        Assert.False(estimator.OnReportBlock(Block(1, 0), Ms(1_100)));
        Assert.True(estimator.OnReportBlock(Block(2, 0), Ms(1_100)));
    }
}
