using V100.Net;

namespace V100.Sfu.Rooms;

/// <summary>
/// Which rooms have something to tell, and when: one that has been quiet at once, any other an interval after its last tick. Rooms without news are in
/// no list, so however many there are, nobody walks over them.
/// </summary>
internal sealed class TickSchedule
{
    /// <summary>20 Hz.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Rooms that come due within it are done together.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(2);

    private readonly TickJson _json = new();
    private readonly Queue<TickLog> _told = new();

    // By rising RestsUntil, with and without news.
    private readonly Queue<RoomTick> _resting = new();
    private List<RoomTick> _due = [];
    private List<RoomTick> _running = [];
    private int _dueResting;

    /// <summary>Ticks that told something, or made a snapshot.</summary>
    public long TickCount { get; private set; }

    public Instant Next => _due.Count > 0 ? new Instant(long.MinValue) : _dueResting > 0 ? _resting.Peek().RestsUntil : Instant.Never;

    /// <summary>The room has news.</summary>
    public void Mark(RoomTick tick)
    {
        if (tick.IsDue)
        {
            return;
        }

        tick.IsDue = true;
        if (tick.IsResting)
        {
            _dueResting++;
        }
        else
        {
            _due.Add(tick);
        }
    }

    public void Run(Instant now)
    {
        while (_resting.TryPeek(out RoomTick? rested) && rested.RestsUntil <= now + Slack)
        {
            _resting.Dequeue();
            rested.IsResting = false;
            if (rested.IsDue)
            {
                _dueResting--;
                _due.Add(rested);
            }
        }

        (_due, _running) = (_running, _due);
        foreach (RoomTick tick in _running)
        {
            Run(tick, now);
        }

        _running.Clear();
    }

    /// <summary>Does one room's tick before its time: it ends.</summary>
    public void Finish(RoomTick tick)
    {
        tick.Run(_json);
        _told.Enqueue(tick.Log);
    }

    /// <summary>The next log whose listeners are to be woken.</summary>
    public bool TryPollTold(out TickLog log) => _told.TryDequeue(out log!);

    private void Run(RoomTick tick, Instant now)
    {
        tick.IsDue = false;
        if (tick.Run(_json))
        {
            TickCount++;
            tick.RestsUntil = now + Interval;
            tick.IsResting = true;
            _resting.Enqueue(tick);
            _told.Enqueue(tick.Log);
        }
    }
}
