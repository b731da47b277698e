using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// Moves a source's timestamps onto the subscription's base. Within a source the distance between two packets stays what the
/// publisher made it; from one source to the next the output goes forward, by the time that passed.
/// </summary>
/// <remarks>
/// Call <see cref="SwitchTo"/> or, with packets of the past, <see cref="SwitchToReplay"/> with the first packet of each source, then
/// <see cref="Rewrite"/> for every packet.
/// </remarks>
public sealed class TimestampRewriter(uint firstOutput, int clockRateHz)
{
    /// <summary>How far an aligned first timestamp may run ahead of the time that passed.</summary>
    private static readonly TimeSpan AlignmentTolerance = TimeSpan.FromMilliseconds(75);

    /// <summary>How much faster than it was the past is shown: four seconds in an eighth of one.</summary>
    private const int ReplaySpeed = 32;

    private uint _newest = firstOutput;
    private Instant _newestAt;
    private bool _hasSource;
    private uint _replayedUpTo;
    private bool _isReplay;

    public int ClockRateHz { get; } = clockRateHz;

    /// <summary>Output − source, modulo 2^32, for the source now forwarded.</summary>
    public uint Offset { get; private set; }

    /// <summary>Begins a source.</summary>
    /// <param name="sourceTimestamp">Of its first packet.</param>
    /// <param name="now">When that came.</param>
    /// <param name="alignedOutput">
    /// What the first packet's output would be if both sources' sender reports tell the truth; null when one is missing. It is
    /// taken as far as it goes forward and no more than 75 ms beyond the time that passed.
    /// </param>
    public void SwitchTo(uint sourceTimestamp, Instant now, uint? alignedOutput = null)
    {
        uint output = _newest;
        if (_hasSource)
        {
            int elapsed = ToTicks(now - _newestAt);
            int step = elapsed;
            if (alignedOutput is uint aligned)
            {
                int tolerance = ToTicks(AlignmentTolerance);
                step = Math.Min((int)(aligned - _newest), elapsed > int.MaxValue - tolerance ? int.MaxValue : elapsed + tolerance);
            }

            // A decoder takes a timestamp again for the same frame.
            output = _newest + (uint)Math.Max(step, 1);
        }

        _hasSource = true;
        _isReplay = false;
        Offset = output - sourceTimestamp;
        _newest = output;
        _newestAt = now;
    }

    /// <summary>
    /// Begins a source with frames of its past, which are shown as fast as they come: they lie close together, right before the newest, so
    /// that a receiver does not take the time that they span for delay.
    /// </summary>
    /// <param name="oldest">The source's timestamp of the first packet.</param>
    /// <param name="newest">The source's timestamp of the newest frame of the past.</param>
    /// <param name="now">The present.</param>
    public void SwitchToReplay(uint oldest, uint newest, Instant now)
    {
        uint before = _newest;
        SwitchTo(newest, now);
        _isReplay = true;
        _replayedUpTo = newest;
        uint room = (newest - oldest) / ReplaySpeed + 1;
        if (newest + Offset - before < room)
        {
            Offset = before + room - newest;
            _newest = before + room;
        }
    }

    public uint Rewrite(uint sourceTimestamp, Instant now)
    {
        if (!_hasSource)
        {
            SwitchTo(sourceTimestamp, now);
        }

        uint output = sourceTimestamp + Offset;
        if (_isReplay && (int)(_replayedUpTo - sourceTimestamp) > 0)
        {
            return _replayedUpTo + Offset - (_replayedUpTo - sourceTimestamp) / ReplaySpeed;
        }

        if ((int)(output - _newest) > 0)
        {
            _newest = output;
            _newestAt = now;
        }

        return output;
    }

    // Half the circle is the furthest that "forward" means anything: 6.6 hours at 90 kHz.
    private int ToTicks(TimeSpan span) => (int)Math.Clamp(span.Ticks / 1000 * ClockRateHz / 10_000, 0, int.MaxValue);
}
