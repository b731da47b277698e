using V100.Net.Sockets;

namespace V100.Net.Tests.Sockets;

public class GatherPauseTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMicroseconds(100);

    /// <summary>Turns of one packet each, so far apart, for some windows; the pause of the last one.</summary>
    private static TimeSpan AfterTurns(GatherPause pause, double intervalUs, ref Instant now, int packets = 1, int turns = 2_000)
    {
        TimeSpan last = default;
        for (int turn = 0; turn < turns; turn++)
        {
            now += TimeSpan.FromMicroseconds(intervalUs);
            last = pause.After(packets, now, Instant.Never);
        }

        return last;
    }

    [Fact]
    public void Only_a_busy_worker_waits()
    {
        Instant now = new(5_000_000_000);
        GatherPause pause = new(Longest);
        Assert.Equal(TimeSpan.Zero, AfterTurns(pause, 200, ref now));
        Assert.Equal(Longest, AfterTurns(pause, 50, ref now));
        Assert.Equal(TimeSpan.Zero, AfterTurns(pause, 200, ref now));
    }

    [Fact]
    public void A_full_turn_and_an_empty_one_are_followed_at_once()
    {
        Instant now = new(5_000_000_000);
        GatherPause pause = new(Longest);
        Assert.Equal(Longest, AfterTurns(pause, 50, ref now));
        Assert.Equal(TimeSpan.Zero, pause.After(GatherPause.FullTurn, now, Instant.Never));
        Assert.Equal(TimeSpan.Zero, pause.After(0, now, Instant.Never));
        Assert.Equal(Longest, pause.After(GatherPause.FullTurn - 1, now, Instant.Never));
    }

    [Fact]
    public void It_never_waits_beyond_a_deadline_nor_after_silence()
    {
        Instant now = new(5_000_000_000);
        GatherPause pause = new(Longest);
        Assert.Equal(Longest, AfterTurns(pause, 50, ref now));
        TimeSpan near = TimeSpan.FromMicroseconds(30);
        Assert.Equal(near, pause.After(1, now, now + near));
        Assert.Equal(TimeSpan.Zero, pause.After(1, now, now));
        now += TimeSpan.FromMilliseconds(50);
        Assert.Equal(TimeSpan.Zero, pause.After(1, now, Instant.Never));
    }

    [Fact]
    public void Zero_never_waits()
    {
        Instant now = new(5_000_000_000);
        Assert.Equal(TimeSpan.Zero, AfterTurns(new GatherPause(TimeSpan.Zero), 20, ref now));
    }
}
