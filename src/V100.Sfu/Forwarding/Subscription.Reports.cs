using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Quality;
using V100.Sfu.Rtcp;

namespace V100.Sfu.Forwarding;

/// <summary>What goes to the subscriber, and comes from it, as reports.</summary>
internal sealed partial class Subscription
{
    private readonly byte[] _canonicalName;
    private readonly RoundTripEstimator _roundTrip = new();
    private long _payloadBytesSent;
    private RateMeter _bitrate;
    private RateMeter _frameRate;
    private long _packetsAtLastReport;
    private FreezeMeter _freezes;
    private readonly SubscriptionFigures _figures;

    /// <summary>Of video: packets with the marker, which end a picture.</summary>
    private long _framesSent;

    /// <summary>Over about the last second.</summary>
    public long BitrateBps => (long)(8 * _bitrate.PerSecond);

    /// <summary>Of video, pictures that were sent to their end; over about the last second.</summary>
    public double FramesPerSecond => _frameRate.PerSecond;

    /// <summary>From the subscriber's receiver reports (RFC 3550, 6.4.1); null before one told.</summary>
    public TimeSpan? RoundTrip => _roundTrip.HasEstimate ? _roundTrip.Smoothed : null;

    /// <summary>0 to 1, of the last report.</summary>
    public double FractionLost { get; private set; }
    public int CumulativeLost { get; private set; }

    /// <summary>In units of the codec's clock.</summary>
    public uint Jitter { get; private set; }

    /// <summary>
    /// Writes a sender report and the CNAME, where something was sent since the last and the publisher's clock is known:
    /// the publisher's map from NTP to RTP time, moved to this stream's timestamps. False, with nothing written, where not.
    /// </summary>
    public bool WriteSenderReport(ref SpanWriter writer, Instant now)
    {
        _bitrate.Update(BytesSent, now);
        _frameRate.Update(_framesSent, now);
        UpdateFigures(now);
        if (PacketsSent == _packetsAtLastReport || _encoding < 0 || _timestamps is null || _fanout is null
            || _fanout.Encodings[_encoding].Generation != _generation
            || !_fanout.Encodings[_encoding].Clock.TryMap(now, _timestamps.ClockRateHz, _timestamps.AlignedOffset, out ulong ntpTime, out uint timestamp))
        {
            return false;
        }

        var fields = new SenderReport.Fields(Ssrc, ntpTime, timestamp, (uint)PacketsSent, (uint)_payloadBytesSent);
        SenderReport.Write(ref writer, in fields, []);
        SourceDescription.Write(ref writer, Ssrc, _canonicalName);
        if (writer.Overflowed)
        {
            return false;
        }

        _packetsAtLastReport = PacketsSent;
        _roundTrip.OnSenderReportSent(ntpTime, now);
        return true;
    }

    /// <summary>The picture that is sent, in pixels; 0 while unknown.</summary>
    public (int Width, int Height) PictureSize
    {
        get
        {
            if (!_isVideo || Current.IsNone || Source is not { } track)
            {
                return default;
            }

            EncodingFigures encoding = track.Encodings[Current.Encoding];
            int halvings = Math.Max(0, encoding.TopSpatialLayer - Current.Spatial);
            return (encoding.Width >> halvings, encoding.Height >> halvings);
        }
    }

    private void NoteFrame(bool ends, Instant now)
    {
        if (ends && _isVideo)
        {
            _framesSent++;
            _freezes.OnPicture(now);
        }
    }

    /// <summary>What others may know.</summary>
    private void UpdateFigures(Instant now)
    {
        if (Source is null || Demand.Reason is AllocationReason.PausedByClient or AllocationReason.NoLayerActive)
        {
            _freezes.Pause();
        }

        _freezes.Update(now);
        (int width, int height) = PictureSize;
        _figures.Codec = _codec?.Kind;
        _figures.Packets = PacketsSent;
        _figures.BitrateBps = BitrateBps;
        _figures.FramesPerSecond = FramesPerSecond;
        _figures.FrozenMs = (long)_freezes.Frozen.TotalMilliseconds;
        _figures.JitterMs = _codec is null ? 0 : 1000.0 * Jitter / _codec.ClockRateHz;
        _figures.RoundTripMs = RoundTrip?.TotalMilliseconds ?? -1;
        _figures.Reason = Demand.Reason;
        _figures.Encoding = _isVideo ? Current.Encoding : 0;
        _figures.SetSize(width, height);
    }

    /// <summary>The publisher told its clock of an encoding.</summary>
    public void HandleSourceClock(in SourceClock clock)
    {
        if (clock.Encoding == _encoding && clock.Generation == _generation && _timestamps is not null)
        {
            _alignment.OnSenderReport(in _fanout!.Encodings[_encoding].Clock, _timestamps);
        }
    }

    public void HandleReport(in ReportBlock report, Instant now)
    {
        FractionLost = report.FractionLost / 256.0;
        CumulativeLost = report.CumulativeLost;
        Jitter = report.Jitter;
        _roundTrip.OnReportBlock(in report, now);
        _figures.Expected = report.HighestSequence;
        _figures.Lost = report.CumulativeLost;
        _figures.Retransmitted = PacketsRetransmitted;
        if (!_isVideo)
        {
            NoteLoss(FractionLost);
        }
    }
}
