using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// Moves a source's timestamps onto the subscription's base. Within a source the distance between two packets stays what the
/// publisher made it; from one source to the next the output goes forward, by the time that passed.
/// </summary>
/// <remarks>
/// Call <see cref="SwitchTo"/> or, with packets of the past, <see cref="SwitchToReplay"/> with the first packet of each source, then
/// <see cref="Rewrite"/> for every packet.
/// Where the reports of both sources say that the new one lies a little behind what was sent, its output begins in front of it all the same,
/// and comes back to its place by an eighth of each frame's distance: it never goes back, and picture and voice are in step again after
/// eight times what they were apart, four seconds at most.
/// </remarks>
public sealed class TimestampRewriter(uint firstOutput, int clockRateHz)
{
    /// <summary>How far an aligned first timestamp may run ahead of the time that passed.</summary>
    private static readonly TimeSpan AlignmentTolerance = TimeSpan.FromMilliseconds(75);

    /// <summary>How much faster than it was the past is shown: four seconds in an eighth of one.</summary>
    private const int ReplaySpeed = 32;

    /// <summary>Reports that disagree with what was sent by more than this are not believed.</summary>
    private static readonly TimeSpan MaxCorrection = TimeSpan.FromMilliseconds(500);

    /// <summary>Of a frame's distance, what a correction may take or give.</summary>
    private const int CorrectionShare = 8;

    /// <summary>Frames of which it is known how far the correction was: one that comes late gets the output of its time.</summary>
    private const int RememberedFrames = 16;

    private readonly (uint Source, uint Offset)[] _steps = new (uint, uint)[RememberedFrames];
    private int _stepCount;
    private uint _newest = firstOutput;
    private uint _newestSource;
    private Instant _newestAt;
    private bool _hasSource;
    private bool _isReplay;
    private uint _replayedUpTo;
    private uint _replayOutput;

    public int ClockRateHz { get; } = clockRateHz;

    /// <summary>Output − source, modulo 2^32, for the newest packet of the source now forwarded.</summary>
    public uint Offset { get; private set; }

    /// <summary>Where <see cref="Offset"/> goes: by it the publisher's clock is told to the subscriber.</summary>
    public uint AlignedOffset { get; private set; }

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
        Offset = AlignedOffset = output - sourceTimestamp;
        _stepCount = 0;
        _newest = output;
        _newestSource = sourceTimestamp;
        _newestAt = now;
        if (alignedOutput is uint wanted)
        {
            Align(wanted - sourceTimestamp);
        }
    }

    /// <summary>Reports say that the source's offset is another than that by which it began; it goes there bit by bit.</summary>
    public void Align(uint offset)
    {
        if (Math.Abs((long)(int)(offset - Offset)) <= ToTicks(MaxCorrection))
        {
            AlignedOffset = offset;
        }
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
        uint room = (newest - oldest) / ReplaySpeed + 1;
        if (newest + Offset - before < room)
        {
            Offset = AlignedOffset = before + room - newest;
            _newest = before + room;
        }

        _isReplay = true;
        _replayedUpTo = newest;
        _replayOutput = newest + Offset;
    }

    public uint Rewrite(uint sourceTimestamp, Instant now)
    {
        if (!_hasSource)
        {
            SwitchTo(sourceTimestamp, now);
        }

        if (_isReplay && (int)(_replayedUpTo - sourceTimestamp) > 0)
        {
            return _replayOutput - (_replayedUpTo - sourceTimestamp) / ReplaySpeed;
        }

        int advance = (int)(sourceTimestamp - _newestSource);
        if (advance <= 0)
        {
            return sourceTimestamp + (_stepCount == 0 ? Offset : OffsetAt(sourceTimestamp));
        }

        if (Offset != AlignedOffset)
        {
            Correct(sourceTimestamp, advance);
        }

        _newestSource = sourceTimestamp;
        uint output = sourceTimestamp + Offset;
        if ((int)(output - _newest) > 0)
        {
            _newest = output;
            _newestAt = now;
        }

        return output;
    }

    private void Correct(uint sourceTimestamp, int advance)
    {
        if (_stepCount == 0)
        {
            _steps[_stepCount++] = (_newestSource, Offset);
        }

        // Less than the whole distance: two frames never share an output.
        int most = advance / CorrectionShare;
        Offset += (uint)Math.Clamp((int)(AlignedOffset - Offset), -most, most);
        if (_stepCount == RememberedFrames)
        {
            _steps.AsSpan(1).CopyTo(_steps);
            _stepCount--;
        }

        _steps[_stepCount++] = (sourceTimestamp, Offset);
    }

    private uint OffsetAt(uint sourceTimestamp)
    {
        int step = _stepCount - 1;
        while (step > 0 && (int)(sourceTimestamp - _steps[step].Source) < 0)
        {
            step--;
        }

        return _steps[step].Offset;
    }

    // Half the circle is the furthest that "forward" means anything: 6.6 hours at 90 kHz.
    private int ToTicks(TimeSpan span) => (int)Math.Clamp(span.Ticks / 1000 * ClockRateHz / 10_000, 0, int.MaxValue);
}
