using V100.Net;
using V100.Sfu.Rtcp;

namespace V100.Sfu.Bwe;

/// <summary>What receivers say.</summary>
public sealed partial class BandwidthEstimator
{
    /// <summary>More packets than this in one feedback are not believed.</summary>
    private const int MaxStatuses = TransmissionHistory.MaxLength;
    private const int TickUs = 250;

    private long _feedbackLost;
    private long _feedbackRefused;
    private byte _feedbackCount;
    private bool _hasFeedbackCount;

    // The first number that no feedback told of yet, and the first whose fate the loss controller was not told of.
    private long _toldUntil;
    private long _fateCursor;
    private long _ticks;
    private bool _hasTicks;
    private (Instant SentAt, long ArrivalUs) _newestArrival;
    private bool _hasArrival;

    /// <summary>Takes transport-wide feedback. The receiver's clock, its wraps and its steps do not matter.</summary>
    public void HandleFeedback(in TransportFeedback feedback, Instant now)
    {
        if (_history.IsEmpty || feedback.StatusCount is 0 or > MaxStatuses)
        {
            _feedbackRefused++;
            return;
        }

        long first = _history.Unwrap(feedback.BaseSequence);
        if (first > _history.Newest || first + feedback.StatusCount <= _history.Oldest)
        {
            _feedbackRefused++;
            return;
        }

        bool gap = NoticeGap(feedback.FeedbackCount);
        BeginArrivals();
        long sequence = first;
        foreach (TransportFeedback.Status status in feedback)
        {
            if (sequence > _history.Newest)
            {
                break;
            }

            if (_history.Knows(sequence))
            {
                if (!status.IsReceived)
                {
                    OnMissing(ref _history[sequence]);
                }
                else
                {
                    long arrivalUs = UnwrapTicks(status.ArrivalTicks) * TickUs;
                    PresumeBefore(gap ? first : _toldUntil, arrivalUs, now);
                    OnArrived(ref _history[sequence], arrivalUs, now);
                }
            }

            sequence++;
        }

        _toldUntil = Math.Max(_toldUntil, sequence);
        FinishArrivals(now);
    }

    /// <summary>Takes a receiver report. Its loss counts only where there is no transport-wide feedback.</summary>
    /// <param name="fractionLost">0 to 1.</param>
    /// <param name="packetsExpected">Since the report before.</param>
    /// <param name="roundTrip">Zero while unknown.</param>
    /// <param name="now">The time.</param>
    public void HandleReport(double fractionLost, int packetsExpected, TimeSpan roundTrip, Instant now)
    {
        if (_hasFeedback)
        {
            return;
        }

        if (roundTrip > TimeSpan.Zero)
        {
            OnRoundTrip(roundTrip);
        }

        double lost = double.IsFinite(fractionLost) ? Math.Clamp(fractionLost, 0, 1) : 0;
        int packets = Math.Clamp(packetsExpected, 0, ushort.MaxValue);
        long sentBps = _sent.RateBps(DelayController.SteadyMs, now.Nanoseconds / 1000);
        _loss.OnObservation(sentBps, packets, lost * packets, 1, EstimateBps);
        if (_rembBps == long.MaxValue)
        {
            _aimd.Update(DelaySignal.Normal, isCalm: false, sentBps, sentBps, RoundTripOrDefault, now);
            _aimd.Lower(_loss.BoundBps);
        }

        UpdateEstimate(now);
        UpdateProbes(now);
    }

    /// <summary>Takes a receiver's own estimate, which holds where there is no transport-wide feedback.</summary>
    public void HandleRemb(long bps, Instant now)
    {
        _rembBps = Math.Max(bps, _limits.FloorBps);
        UpdateEstimate(now);
    }

    private bool NoticeGap(byte count)
    {
        int step = (byte)(count - _feedbackCount);
        bool isGap = _hasFeedbackCount && step is > 1 and < 128;
        _feedbackLost += isGap ? step - 1 : 0;
        if (!_hasFeedbackCount || step is > 0 and < 128)
        {
            _feedbackCount = count;
        }

        _hasFeedbackCount = true;
        return isGap;
    }

    private long UnwrapTicks(long ticks)
    {
        // 24 bits of 64 ms are 32 bits of 250 µs.
        _ticks = _hasTicks ? _ticks + (int)(uint)(ticks - _ticks) : ticks;
        _hasTicks = true;
        return _ticks;
    }

    private void BeginArrivals()
    {
        _delay.Begin();
        _hasArrival = false;
    }

    private static void OnMissing(ref Transmission packet)
    {
        if (packet.Fate == TransmissionFate.Unknown)
        {
            packet.Fate = TransmissionFate.Missing;
        }
    }

    private void OnArrived(ref Transmission packet, long arrivalUs, Instant now)
    {
        if (packet.Fate == TransmissionFate.Received)
        {
            return;
        }

        bool isCounted = packet.Fate == TransmissionFate.Presumed;
        packet.Fate = TransmissionFate.Received;
        _delay.OnPacket(packet.SentAt, arrivalUs, isCounted ? 0 : packet.Bytes, now);
        if (packet.ProbeCluster == 0)
        {
            _train.OnPacket(packet.SentAt, arrivalUs, packet.Bytes, EstimateBps);
        }

        if (!_hasArrival || packet.SentAt >= _newestArrival.SentAt)
        {
            _newestArrival = (packet.SentAt, arrivalUs);
            _hasArrival = true;
        }

        if (packet.ProbeCluster != 0
            && _probeBitrate.OnPacket(packet.ProbeCluster, packet.SentAt, arrivalUs, packet.Bytes, out long resultBps))
        {
            OnProbeResult(packet.ProbeCluster, resultBps, now);
        }
    }

    // What the lost feedback would have told: without it the acknowledged rate has a hole, which overuse would take for the path's rate.
    private void PresumeBefore(long first, long arrivalUs, Instant now)
    {
        if (first <= _toldUntil)
        {
            return;
        }

        for (long sequence = Math.Max(_toldUntil, _history.Oldest); sequence < first; sequence++)
        {
            ref Transmission packet = ref _history[sequence];
            if (packet.Bytes == 0 || packet.Fate != TransmissionFate.Unknown)
            {
                continue;
            }

            packet.Fate = TransmissionFate.Presumed;
            _delay.OnPresumed(arrivalUs, packet.Bytes);
        }

        _toldUntil = first;
    }

    private void OnProbeResult(int cluster, long resultBps, Instant now)
    {
        // Who sends as much as the estimate allows learns the same from delays.
        if (_probeBitrate.FoundFull && _probes.IsIdle)
        {
            _aimd.Bound(Math.Max(resultBps, _delay.SteadyBps));
        }

        if (_delay.Signal != DelaySignal.Overuse && (_probeBitrate.FoundFull || _probes.IsBelieved(cluster)))
        {
            _aimd.Raise(resultBps);
            _loss.OnProbe(resultBps);
        }

        UpdateEstimate(now);
        bool isCalm = _delay.Signal == DelaySignal.Normal && _delay.QueueMs < MaxCalmQueueMs / 2;
        _probes.OnResult(cluster, resultBps, EstimateBps, _demandBps, isCalm, now);
    }

    private void FinishArrivals(Instant now)
    {
        if (!_hasArrival)
        {
            // Nothing came of all that: it is no sign of life of the path, only of the receiver.
            UpdateProbes(now);
            return;
        }

        bool wasSilent = _isSilent;
        _hasFeedback = true;
        _isSilent = false;
        _silentSince = _toldUntil > _history.Newest ? Instant.Never : now;
        OnRoundTrip(now - _newestArrival.SentAt);
        SettleFates();
        long previous = EstimateBps;
        DelaySignal signal = _delay.Signal;
        signal = Compete(signal, now);
        bool isCalm = !_delay.HasTrend && _competition.Phase == CompetitionPhase.None;
        bool lowered = _aimd.Update(signal, isCalm, _delay.RecentBps, _delay.SteadyBps, RoundTripOrDefault, now);
        UpdateEstimate(now);
        if (lowered)
        {
            _probes.OnDecrease(previous, EstimateBps, now);
        }
        else if (wasSilent)
        {
            _probes.Restart(now);
        }

        UpdateProbes(now);
    }

    // What is made of the signal beside a sender that fills the queue.
    private DelaySignal Compete(DelaySignal signal, Instant now)
    {
        CompetitionPhase before = _competition.Phase;
        _competition.Update(signal, _delay.QueueMs, _loss.Fraction, RoundTripOrDefault, _aimd.RateBps, now);
        if (_competition.Phase != before && _competition.Phase == CompetitionPhase.Trial)
        {
            _aimd.Lower((long)(TrialShare * _aimd.RateBps));
        }

        if (_competition.Phase == CompetitionPhase.Competing)
        {
            _aimd.Lower(_competition.FairBps);
        }

        return _competition.Phase switch
        {
            CompetitionPhase.Trial => DelaySignal.Underuse,
            CompetitionPhase.Competing => DelaySignal.Normal,
            _ when _competition.MustYield => DelaySignal.Overuse,
            _ when signal == DelaySignal.Normal && _delay.QueueMs >= HoldQueueMs => DelaySignal.Underuse,
            _ => signal,
        };
    }

    private void SettleFates()
    {
        _fateCursor = Math.Max(_fateCursor, _history.Oldest);
        Instant until = _newestArrival.SentAt - _reorderWindow;
        for (; _fateCursor < _toldUntil && _fateCursor <= _history.Newest; _fateCursor++)
        {
            ref readonly Transmission packet = ref _history[_fateCursor];
            if (packet.Bytes > 0 && packet.SentAt > until)
            {
                return;
            }

            // Probes are sent to find losses; they must not speak for the rate of everything else.
            bool counts = packet.Bytes > 0 && packet.ProbeCluster == 0 && packet.Fate is TransmissionFate.Missing or TransmissionFate.Received;
            if (counts)
            {
                _loss.OnPacket(packet.SentAt, packet.Bytes, packet.Fate == TransmissionFate.Missing, EstimateBps);
            }
        }
    }

    private void OnRoundTrip(TimeSpan measured)
    {
        double measuredMs = Math.Clamp(measured.TotalMilliseconds, 0, _maxRoundTrip.TotalMilliseconds);
        _roundTripMs = _hasRoundTrip ? _roundTripMs + (measuredMs - _roundTripMs) / 8 : measuredMs;
        _hasRoundTrip = true;
    }
}
