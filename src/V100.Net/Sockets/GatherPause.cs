namespace V100.Net.Sockets;

/// <summary>
/// How long a busy worker waits before it looks at its sockets again, as a network card does with its interrupts: a turn that finds
/// several packets costs little more than one that finds one. Below <see cref="BusyRatePerSecond"/> it never waits.
/// </summary>
/// <param name="longest">The most that a packet may wait for others; zero never waits.</param>
internal sealed class GatherPause(TimeSpan longest)
{
    public const int BusyRatePerSecond = 10_000;

    /// <summary>A turn with so many packets is worth its system calls as it is.</summary>
    public const int FullTurn = 48;

    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(4);
    private const int BusyWindow = BusyRatePerSecond / 250;

    private Instant _windowEnd;
    private int _inWindow;
    private bool _isBusy;

    /// <summary>What to wait for after a turn.</summary>
    /// <param name="packets">What the turn received.</param>
    /// <param name="now">The turn's end.</param>
    /// <param name="deadline">When something else is due.</param>
    public TimeSpan After(int packets, Instant now, Instant deadline)
    {
        _inWindow += packets;
        if (now >= _windowEnd)
        {
            _isBusy = _inWindow >= BusyWindow && now < _windowEnd + Window;
            _inWindow = 0;
            _windowEnd = now + Window;
        }

        // A turn without a packet was not woken by one, or the rush is over.
        if (!_isBusy || packets is 0 or >= FullTurn || deadline <= now)
        {
            return TimeSpan.Zero;
        }

        return deadline - now < longest ? deadline - now : longest;
    }
}
