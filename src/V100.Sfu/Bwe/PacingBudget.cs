using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// A bucket of bytes that fills at a rate, up to a burst. What is sent empties it, into debt when it must; while it is not in debt a packet
/// may go. A mutable struct.
/// </summary>
internal struct PacingBudget
{
    private const double MaxDebtSeconds = 0.1;
    private const double BurstSeconds = 0.010;
    private const int MinBurstBytes = 3 * 1_200;

    private double _bytes;
    private double _bytesPerSecond;
    private Instant _filledAt;
    private bool _hasStarted;

    /// <summary>The most that goes at once after a pause: 10 ms at the rate, or three full packets.</summary>
    private readonly double Burst => Math.Max(_bytesPerSecond * BurstSeconds, MinBurstBytes);

    public readonly bool MaySend => _bytes > 0;

    public void SetRate(double bps) => _bytesPerSecond = Math.Max(bps / 8, 1);

    public void Fill(Instant now)
    {
        double seconds = _hasStarted ? Math.Max(0, (now - _filledAt).TotalSeconds) : 1;
        _bytes = Math.Min(Burst, _bytes + seconds * _bytesPerSecond);
        _filledAt = now;
        _hasStarted = true;
    }

    public void Take(int bytes) => _bytes = Math.Max(_bytes - bytes, -Math.Max(MaxDebtSeconds * _bytesPerSecond, MinBurstBytes));

    /// <summary>How long until a packet may go.</summary>
    public readonly TimeSpan Wait => _bytes > 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - _bytes) / _bytesPerSecond);
}
