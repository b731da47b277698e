using V100.Net.Sockets;

namespace V100.Net.Tests.Sockets;

public class GatherPauseTests
{
    private const int PollRate = 80_000;
    private static readonly TimeSpan Longest = TimeSpan.FromMicroseconds(100);

    private readonly GatherPause _pause = new(Longest, PollRate);
    private Instant _now = new(5_000_000_000);

    /// <summary>Turns that begin so far apart, for long enough to be judged; the pause of the last one.</summary>
    private TimeSpan AfterTurns(double intervalUs, int packets = 1, double busyUs = 3, GatherPause? pause = null)
    {
        TimeSpan last = default;
        for (int turn = 0; turn < 20_000 / intervalUs; turn++)
        {
            Instant began = _now + TimeSpan.FromMicroseconds(intervalUs - busyUs);
            _now += TimeSpan.FromMicroseconds(intervalUs);
            last = (pause ?? _pause).After(packets, began, _now, Instant.Never);
        }

        return last;
    }

    private TimeSpan After(int packets, Instant deadline) => _pause.After(packets, _now, _now, deadline);

    [Fact]
    public void Only_a_busy_worker_waits()
    {
        Assert.Equal(TimeSpan.Zero, AfterTurns(200));
        Assert.Equal(Longest, AfterTurns(50));
        Assert.Equal(TimeSpan.Zero, AfterTurns(200));
        Assert.False(_pause.Polls(_now));
    }

    [Fact]
    public void It_waits_the_shorter_the_more_packets_come()
    {
        Assert.Equal(60, AfterTurns(20).TotalMicroseconds, 5.0);
        Assert.Equal(45, AfterTurns(15).TotalMicroseconds, 5.0);
    }

    [Fact]
    public void A_full_turn_and_an_empty_one_are_followed_at_once()
    {
        Assert.Equal(Longest, AfterTurns(50));
        Assert.Equal(TimeSpan.Zero, After(GatherPause.FullTurn, Instant.Never));
        Assert.Equal(TimeSpan.Zero, After(0, Instant.Never));
        Assert.Equal(Longest, After(GatherPause.FullTurn - 1, Instant.Never));
    }

    [Fact]
    public void It_never_waits_beyond_a_deadline_nor_after_silence()
    {
        Assert.Equal(Longest, AfterTurns(50));
        TimeSpan near = TimeSpan.FromMicroseconds(30);
        Assert.Equal(near, After(1, _now + near));
        Assert.Equal(TimeSpan.Zero, After(1, _now));
        _now += TimeSpan.FromMilliseconds(50);
        Assert.Equal(TimeSpan.Zero, After(1, Instant.Never));
    }

    [Fact]
    public void Zero_never_waits_but_may_poll()
    {
        var never = new GatherPause(TimeSpan.Zero, PollRate);
        Assert.Equal(TimeSpan.Zero, AfterTurns(50, pause: never));
        Assert.Equal(TimeSpan.Zero, AfterTurns(10, busyUs: 9.9, pause: never));
        Assert.Equal(TimeSpan.Zero, AfterTurns(10, pause: new GatherPause(TimeSpan.Zero, 0)));
    }

    [Fact]
    public void Packets_that_come_fast_and_one_by_one_are_looked_for_without_sleep()
    {
        Assert.Equal(TimeSpan.Zero, AfterTurns(10));
        Assert.True(_pause.Polls(_now));
        Assert.True(_pause.Polls(_now + TimeSpan.FromMicroseconds(24)));
        Assert.False(_pause.Polls(_now + TimeSpan.FromMicroseconds(26)));
        Assert.NotEqual(TimeSpan.Zero, AfterTurns(20));
        Assert.False(_pause.Polls(_now));
    }

    [Fact]
    public void A_turn_without_a_packet_does_not_prolong_the_looking()
    {
        AfterTurns(10);
        Instant last = _now;
        _now += TimeSpan.FromMicroseconds(20);
        After(0, Instant.Never);
        Assert.False(_pause.Polls(last + TimeSpan.FromMicroseconds(26)));
    }

    [Fact]
    public void Looking_without_sleep_can_be_turned_off()
    {
        var sleeping = new GatherPause(Longest, 0);
        Assert.Equal(30, AfterTurns(10, pause: sleeping).TotalMicroseconds, 5.0);
        Assert.False(sleeping.Polls(_now));
    }

    [Fact]
    public void Packets_that_come_in_bunches_gather_at_any_rate()
    {
        Assert.Equal(Longest, AfterTurns(80, packets: 8, busyUs: 20));
        Assert.False(_pause.Polls(_now));
    }

    [Fact]
    public void Bunches_that_would_fill_it_one_by_one_gather_as_if_it_was_full()
    {
        Assert.Equal(Longest * GatherPause.FullFactor, AfterTurns(40, packets: 8, busyUs: 20));
        Assert.False(_pause.Polls(_now));
    }

    [Fact]
    public void A_full_worker_gathers_longer_and_tries_again_later()
    {
        Assert.Equal(Longest * GatherPause.FullFactor, AfterTurns(5, busyUs: 4.9));
        Assert.False(_pause.Polls(_now));
        Assert.Equal(Longest * GatherPause.FullFactor, AfterTurns(5, busyUs: 2));

        // What it became meanwhile, it finds out within a second.
        Instant patience = _now + TimeSpan.FromSeconds(1);
        while (!_pause.Polls(_now) && _now < patience)
        {
            AfterTurns(10);
        }

        Assert.True(_pause.Polls(_now));
    }

    [Fact]
    public void What_fills_a_worker_with_few_packets_is_no_reason_to_wait_longer() => Assert.Equal(Longest, AfterTurns(50, busyUs: 49));

    [Fact]
    public void No_pause_is_longer_than_a_millisecond()
    {
        Assert.Equal(TimeSpan.FromMilliseconds(1), AfterTurns(5, busyUs: 4.9, pause: new GatherPause(TimeSpan.FromMilliseconds(1), PollRate)));
    }
}
