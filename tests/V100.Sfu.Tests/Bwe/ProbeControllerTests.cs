using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class ProbeControllerTests
{
    private const long MaxBps = 50_000_000;
    private const long DemandBps = 10_000_000;

    private readonly ProbeController _probes = new(300_000, MaxBps);
    private Instant _now = new(1_000_000_000);
    private int _lastId;

    [Fact]
    public void It_starts_with_three_and_six_times_the_start_value()
    {
        Assert.Equal(900_000, Take(300_000)!.Value.RateBps);
        Assert.Null(Take(300_000));
        Answer(900_000, 900_000);
        Assert.Equal(1_800_000, Take(900_000)!.Value.RateBps);
    }

    [Fact]
    public void As_long_as_probes_succeed_the_next_is_half_as_much_again()
    {
        Start(1_800_000);
        Assert.Equal(2_700_000, Take(1_800_000)!.Value.RateBps);
        Answer(2_700_000, 2_700_000);
        Assert.Equal(4_050_000, Take(2_700_000)!.Value.RateBps);
        Answer(3_000_000, 3_000_000);
        Assert.Null(Take(3_000_000));
    }

    [Fact]
    public void Probes_in_vain_become_rare()
    {
        Start(1_000_000);
        List<double> gaps = [];
        for (int probe = 0; probe < 5; probe++)
        {
            Instant before = _now;
            WaitForProbe(1_000_000, 60);
            gaps.Add((_now - before).TotalSeconds);
            Answer(1_000_000, 1_000_000);
        }

        Assert.InRange(gaps[0], 1, 3.2);
        Assert.InRange(gaps[^1], 6.9, 7.2);
        Assert.Equal(gaps.Order(), gaps);
    }

    [Fact]
    public void No_probe_goes_beyond_what_is_wanted_nor_when_all_that_fits()
    {
        Assert.Equal(480_000, Take(300_000, demandBps: 400_000)!.Value.RateBps);
        Answer(480_000, 480_000);
        _now += TimeSpan.FromSeconds(60);
        Assert.Null(Take(480_000, demandBps: 400_000));
        Assert.Null(Take(480_000, demandBps: 0));
    }

    [Fact]
    public void While_it_is_not_calm_or_lacks_a_sign_it_waits()
    {
        Start(1_000_000);
        _now += TimeSpan.FromSeconds(4);
        Assert.Null(Take(1_000_000, isCalm: false));
        Assert.Null(Take(1_000_000, needsSign: true));
        _probes.OnSpare(_now);
        Assert.NotNull(Take(1_000_000, needsSign: true));
        Answer(1_000_000, 1_000_000);

        // Where every frame is one packet there are no signs at all.
        _now += TimeSpan.FromSeconds(8);
        Assert.Null(Take(1_000_000, isCalm: false, needsSign: true));
        Assert.NotNull(Take(1_000_000, needsSign: true));
    }

    [Fact]
    public void Signs_in_vain_are_believed_less_often()
    {
        Start(1_000_000);
        int taken = 0;
        for (int step = 0; step < 600; step++)
        {
            _now += TimeSpan.FromMilliseconds(100);
            _probes.OnSpare(_now);
            if (Take(1_000_000, needsSign: true) is not null)
            {
                taken++;
                Answer(1_000_000, 1_000_000);
            }
        }

        // 1.5 s, 3 s, 6 s, 12 s, 24 s ...
        Assert.InRange(taken, 4, 6);
    }

    [Fact]
    public void After_a_large_drop_what_was_there_before_is_tried_once_it_is_calm()
    {
        Start(2_000_000);
        Take(2_000_000);
        Answer(2_000_000, 2_000_000);
        _probes.OnDecrease(2_000_000, 500_000, _now);
        Assert.Null(Take(500_000));
        _now += TimeSpan.FromSeconds(0.9);
        Assert.Null(Take(500_000));
        _now += TimeSpan.FromSeconds(4);
        Assert.Equal(1_700_000, Take(500_000)!.Value.RateBps);
    }

    [Fact]
    public void A_probe_without_a_result_is_given_up_a_second_after_its_end()
    {
        _now += Take(300_000)!.Value.MinDuration + TimeSpan.FromSeconds(0.99);
        Assert.Null(Take(300_000));
        Assert.Equal(_now + TimeSpan.FromSeconds(0.01), _probes.NextDeadline);
        _now += TimeSpan.FromSeconds(0.01);
        Assert.NotNull(Take(300_000));
    }

    [Fact]
    public void The_result_of_an_earlier_cluster_is_not_taken_for_the_open_one()
    {
        ProbeCluster first = Take(300_000)!.Value;
        _now += first.MinDuration + TimeSpan.FromSeconds(1);
        ProbeCluster second = Take(300_000)!.Value;
        _probes.OnResult(first.Id, 900_000, 900_000, DemandBps, isCalm: true, _now);
        Assert.Null(Take(900_000));
        Assert.NotEqual(first.Id, second.Id);
    }

    [Fact]
    public void Of_a_path_that_media_leaves_idle_a_short_probe_is_believed_after_a_long_one()
    {
        Start(1_000_000);
        _now += TimeSpan.FromSeconds(10);
        ProbeCluster quick = Take(1_000_000, isIdle: true)!.Value;
        Assert.Equal(50, quick.MinDuration.TotalMilliseconds);
        Assert.False(_probes.IsBelieved(quick.Id));
        Answer(1_500_000, 1_000_000);

        // A quarter more than the estimate, until 12,000 bytes went beyond it.
        ProbeCluster thorough = Take(1_000_000)!.Value;
        Assert.Equal(1_250_000, thorough.RateBps);
        Assert.Equal(384, thorough.MinDuration.TotalMilliseconds, 0.1);
        Assert.True(_probes.IsBelieved(thorough.Id));
        Answer(1_250_000, 1_250_000);
        Assert.Equal(1_562_500, Take(1_250_000)!.Value.RateBps);
        Answer(1_562_500, 1_562_500, isCalm: false);
        Assert.Null(Take(1_562_500));
    }

    [Fact]
    public void A_long_probe_that_little_came_of_is_in_vain()
    {
        Start(1_000_000);
        _now += TimeSpan.FromSeconds(10);
        Take(1_000_000, isIdle: true);
        Answer(1_500_000, 1_000_000);
        Take(1_000_000);
        Answer(1_100_000, 1_000_000);
        Assert.Null(Take(1_000_000));
        Assert.Equal(0, _probes.OutstandingId);
    }

    [Fact]
    public void What_is_being_tried_ends_at_overuse()
    {
        Start(1_000_000);
        _now += TimeSpan.FromSeconds(10);
        Assert.Equal(Take(1_000_000)!.Value.Id, _probes.OutstandingId);
        _probes.OnDecrease(1_000_000, 900_000, _now);
        Assert.Equal(0, _probes.OutstandingId);
    }

    [Fact]
    public void Without_success_the_second_probe_of_the_start_is_left_out()
    {
        Take(300_000);
        Answer(400_000, 400_000);
        Assert.Null(Take(400_000));
    }

    [Theory]
    [InlineData(0, 50)]
    [InlineData(30, 90)]
    [InlineData(400, 100)]
    public void A_probe_outlasts_the_jitter(int jitterMs, int expectedMs)
    {
        Start(1_000_000);
        _now += TimeSpan.FromSeconds(60);
        _probes.Update(1_000_000, DemandBps, isCalm: true, isIdle: false, needsSign: false, _now);
        Assert.True(_probes.TryTake(TimeSpan.FromMilliseconds(jitterMs), _now, out ProbeCluster cluster));
        Assert.Equal(expectedMs, cluster.MinDuration.TotalMilliseconds, 0.001);
        Assert.Equal(cluster.RateBps * expectedMs / 8_000.0, cluster.Bytes, 1.0);
    }

    // The two probes of the start, whose results the estimate is in by then.
    private void Start(long estimateBps)
    {
        Assert.NotNull(Take(300_000));
        Answer(900_000, 900_000);
        Assert.NotNull(Take(900_000));
        Answer(estimateBps, estimateBps);
    }

    private void WaitForProbe(long estimateBps, double seconds)
    {
        for (int step = 0; step < seconds * 100; step++)
        {
            if (Take(estimateBps) is not null)
            {
                return;
            }

            _now += TimeSpan.FromMilliseconds(10);
        }

        Assert.Fail("no probe");
    }

    private void Answer(long resultBps, long estimateBps, bool isCalm = true) => _probes.OnResult(_lastId, resultBps, estimateBps, DemandBps, isCalm, _now);

    private ProbeCluster? Take(long estimateBps, long demandBps = DemandBps, bool isCalm = true, bool isIdle = false, bool needsSign = false)
    {
        _probes.Update(estimateBps, demandBps, isCalm, isIdle, needsSign, _now);
        if (!_probes.TryTake(TimeSpan.Zero, _now, out ProbeCluster cluster))
        {
            return null;
        }

        _lastId = cluster.Id;
        return cluster;
    }
}
