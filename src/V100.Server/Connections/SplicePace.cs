using V100.Net;
using V100.Turn;

namespace V100.Server.Connections;

/// <summary>Keeps the two directions of a <see cref="Splice"/> within the rate of their user, by waiting before the next read.</summary>
/// <param name="rate">The user's, which is shared with whatever else he has relayed.</param>
/// <param name="clock">The clock that the rate goes by.</param>
/// <param name="time">What wakes it.</param>
internal sealed class SplicePace(UserRate rate, Func<Instant> clock, TimeProvider time)
{
    // A longer pause looks again now and then, since the rate may be raised and the connections closed.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>Counts bytes that were read, and waits until more may be, or until <paramref name="isClosed"/>.</summary>
    public async ValueTask PassAsync(int bytes, Func<bool> isClosed)
    {
        rate.Use(bytes, clock());
        while (rate.Pause(clock()) is { Ticks: > 0 } pause && !isClosed())
        {
            await Task.Delay(pause < LongestPause ? pause : LongestPause, time).ConfigureAwait(false);
        }
    }
}
