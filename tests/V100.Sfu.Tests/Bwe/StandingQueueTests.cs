using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class StandingQueueTests
{
    private const double StepSeconds = 0.02;

    private readonly StandingQueue _queue = new();
    private double _seconds;

    [Fact]
    public void It_is_the_least_delay_of_the_last_moments_over_the_least_of_all()
    {
        Assert.Equal(0, _queue.DelayMs);
        Run(1, _ => 50);
        Assert.Equal(0, _queue.DelayMs, 0.1);
        Run(0.5, _ => 90);
        Assert.Equal(40, _queue.DelayMs, 0.1);
        Run(0.5, _ => 45);
        Assert.Equal(0, _queue.DelayMs, 0.1);
    }

    [Fact]
    public void Jitter_alone_is_no_queue()
    {
        Run(3, step => 50 + step * 7 % 10 * 5);
        Assert.Equal(0, _queue.DelayMs, 5.1);
    }

    [Fact]
    public void A_queue_that_moves_stays_one_for_a_minute()
    {
        Run(1, _ => 50);
        Run(40, step => 150 + step % 100);
        Assert.InRange(_queue.DelayMs, 100, 200);
        Run(30, step => 150 + step % 100);
        Assert.InRange(_queue.DelayMs, 0, 99);
    }

    [Fact]
    public void What_stands_still_for_seconds_is_a_longer_path()
    {
        Run(1, _ => 50);
        Run(2.5, step => 150 + step % 3);
        Assert.InRange(_queue.DelayMs, 99, 103);
        Run(2, step => 150 + step % 3);
        Assert.InRange(_queue.DelayMs, 0, 3);
    }

    [Fact]
    public void A_reset_forgets_the_path()
    {
        Run(1, _ => 50);
        _queue.Reset();
        Run(1, _ => 500);
        Assert.Equal(0, _queue.DelayMs, 0.1);
    }

    private void Run(double seconds, Func<int, double> delayMs)
    {
        for (int step = 0; step < seconds / StepSeconds; step++)
        {
            _seconds += StepSeconds;
            var sentAt = new Instant((long)(_seconds * 1e9));
            _queue.OnPacket(sentAt, sentAt.Nanoseconds / 1000 + (long)(delayMs(step) * 1000), TimeSpan.Zero);
        }
    }
}
