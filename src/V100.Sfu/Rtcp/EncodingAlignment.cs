using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>
/// Keeps one subscription's picture in step with its voice while it moves from encoding to encoding of a track, each of which has timestamps with
/// an origin of its own: remembers the last encoding whose clock was known, and where it lay. A mutable struct.
/// </summary>
/// <remarks>
/// At a change of encoding: <see cref="Leave"/> the former, then give <see cref="AlignedOutput"/> to <see cref="TimestampRewriter.SwitchTo"/>. At each sender
/// report of the encoding that is forwarded, <see cref="OnSenderReport"/>: what began without one is put right then.
/// At a change of track, begin with a new one. Reports to the subscriber take <see cref="TimestampRewriter.AlignedOffset"/>.
/// </remarks>
public struct EncodingAlignment
{
    private SenderReportMap _former;
    private uint _formerOffset;
    private bool _isPending;

    /// <summary>The encoding that was forwarded is left; one without a report leaves the one before it as what is known.</summary>
    public void Leave(in SenderReportMap clock, TimestampRewriter timestamps)
    {
        // What began by the time of arrival and never was put right says nothing of where the publisher's clock lies.
        if (clock.HasReport && !_isPending)
        {
            _former = clock;
            _formerOffset = timestamps.AlignedOffset;
        }
    }

    /// <summary>The output of the next encoding's first packet, or null where a report is missing.</summary>
    public uint? AlignedOutput(in SenderReportMap next, uint timestamp, int clockRateHz)
    {
        bool isKnown = SenderReportMap.TryAlign(in _former, in next, _formerOffset, clockRateHz, out uint offset);
        _isPending = _former.HasReport && !isKnown;
        return isKnown ? timestamp + offset : null;
    }

    /// <summary>A report of the encoding that is forwarded came.</summary>
    public void OnSenderReport(in SenderReportMap current, TimestampRewriter timestamps)
    {
        if (_isPending && SenderReportMap.TryAlign(in _former, in current, _formerOffset, timestamps.ClockRateHz, out uint offset))
        {
            _isPending = false;
            timestamps.Align(offset);
        }
    }
}
