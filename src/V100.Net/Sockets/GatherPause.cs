namespace V100.Net.Sockets;

/// <summary>
/// How a busy worker waits for its next packets. A sleep and the wake that ends it cost more than a packet, so it lets packets gather,
/// as a network card does with its interrupts: a turn that finds several costs little more than one that finds one. Where they come one
/// by one and so fast that a sleep could hardly begin, it does not sleep but looks again: that costs no more, and no packet waits. Where
/// they come in bunches, it lets them gather at any rate. A worker that is full, or would be if they came one by one, gathers longest:
/// its packets wait for others anyway, and long runs to one address cost it less. Below <see cref="BusyRatePerSecond"/> it just sleeps.
/// </summary>
/// <param name="longest">The most that a packet may wait for others, and three times that where the worker is full; zero never waits.</param>
/// <param name="pollRatePerSecond">From how many packets a second on it looks without sleeping; zero never does.</param>
internal sealed class GatherPause(TimeSpan longest, int pollRatePerSecond)
{
    public const int BusyRatePerSecond = 10_000;

    /// <summary>A turn with so many packets is worth its system calls as it is.</summary>
    public const int FullTurn = 48;

    /// <summary>How often the time between two packets is worth waiting for: fewer gain little, more wait long.</summary>
    public const int GatheredPackets = 3;

    /// <summary>What a full worker waits, in pauses of others.</summary>
    public const int FullFactor = 3;

    /// <summary>So many packets in a turn that did not wait for them came together.</summary>
    private const int Bunch = 4;

    private const long WindowNanoseconds = 4_000_000;

    // Of the time, and for how many windows in a row: in a single one another process may have had the core.
    private const int FullPercent = 90;
    private const int FullWindows = 2;

    // From twice the rate on a worker is not full only since packets come in bunches: one by one they would fill it.
    private const int RunsFactor = 2;

    // A worker that gathers does not see whether it still has to: after a quarter of a second it tries.
    private const int KeptWindows = 64;

    private static readonly TimeSpan _longestSleep = TimeSpan.FromMilliseconds(1);

    private Instant _windowBegan;
    private Instant _lastPacket;
    private long _inWindow;
    private long _turnsInWindow;
    private long _busyNanoseconds;
    private int _fullWindows;
    private int _keptWindows;
    private TimeSpan _keptPause;
    private TimeSpan _pause;
    private bool _polls;

    /// <summary>What to wait for after a turn.</summary>
    /// <param name="packets">What the turn received.</param>
    /// <param name="began">When it began to receive.</param>
    /// <param name="now">The turn's end.</param>
    /// <param name="deadline">When something else is due.</param>
    public TimeSpan After(int packets, Instant began, Instant now, Instant deadline)
    {
        if (packets > 0)
        {
            _inWindow += packets;
            _turnsInWindow++;
            _busyNanoseconds += now.Nanoseconds - began.Nanoseconds;
            _lastPacket = now;
        }

        long length = now.Nanoseconds - _windowBegan.Nanoseconds;
        if (length >= WindowNanoseconds)
        {
            Judge(length);
            _windowBegan = now;
            _inWindow = _turnsInWindow = _busyNanoseconds = 0;
        }

        // A turn without a packet was not woken by one, or the rush is over.
        if (packets is 0 or >= FullTurn || deadline <= now)
        {
            return TimeSpan.Zero;
        }

        return deadline - now < _pause ? deadline - now : _pause;
    }

    /// <summary>Whether the next turn looks without sleeping: for as long as two packets may be apart where it begins to do so.</summary>
    public bool Polls(Instant now) => _polls && now - _lastPacket < TimeSpan.FromTicks(2 * TimeSpan.TicksPerSecond / pollRatePerSecond);

    /// <summary>Decides from what a window brought how the next one waits.</summary>
    private void Judge(long length)
    {
        // One that lasted much longer was mostly silence.
        long rate = length < 2 * WindowNanoseconds ? _inWindow * 1_000_000_000 / length : 0;
        bool isBunched = _polls && _inWindow >= Bunch * _turnsInWindow;
        _fullWindows = _busyNanoseconds * 100 >= length * FullPercent ? _fullWindows + 1 : 0;
        if (_fullWindows >= FullWindows && rate >= pollRatePerSecond || isBunched && rate >= RunsFactor * pollRatePerSecond)
        {
            Keep(FullFactor * longest < _longestSleep ? FullFactor * longest : _longestSleep);
        }
        else if (isBunched)
        {
            Keep(longest);
        }
        else if (_keptWindows > 0)
        {
            _keptWindows--;
        }

        _polls = pollRatePerSecond > 0 && rate >= pollRatePerSecond && _keptWindows == 0;
        _pause = rate < BusyRatePerSecond || _polls ? TimeSpan.Zero : _keptWindows > 0 ? _keptPause : Gathering(rate);
    }

    private void Keep(TimeSpan pause)
    {
        _keptWindows = KeptWindows;
        _keptPause = pause;
    }

    private TimeSpan Gathering(long rate) => TimeSpan.FromTicks(Math.Min(longest.Ticks, GatheredPackets * TimeSpan.TicksPerSecond / rate));
}
