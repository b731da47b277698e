using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;

namespace V100.Simulation.Bandwidth;

/// <summary>
/// Audio and a rate-adaptive video source of 30 frames a second through the real estimator and pacer, over a path of links, to the real
/// maker of feedback, and the feedback back.
/// </summary>
internal sealed class MediaFlow
{
    private const int PacketBytes = 1_200;
    private const int AudioBytes = 120;
    private const double MinVideoBps = 30_000;
    private const double FramesPerSecond = 30;

    private static readonly TimeSpan _streamInterval = TimeSpan.FromMilliseconds(50);

    private readonly Timeline _timeline;
    private readonly Random _random;
    private readonly BottleneckLink[] _forward;
    private readonly BottleneckLink? _backward;
    private readonly Pacer<QueuedPacket> _pacer;
    private readonly TransportFeedbackBuilder _feedback = new();
    private readonly StreamFeedback _streamFeedback = new();
    private readonly ushort[] _streamSequences = [65_500, 100];
    private readonly byte[] _buffer = new byte[1_200];
    private Instant _wakeAt = Instant.Never;
    private Instant _feedbackAt = Instant.Never;
    private SequenceNumber _sequence = new(65_000);
    private bool _isPaused;

    public MediaFlow(Timeline timeline, Random random, BottleneckLink[] forward, BottleneckLink? backward = null, double weight = 1)
    {
        _timeline = timeline;
        _random = random;
        _forward = forward;
        _backward = backward;
        Estimator = new BandwidthEstimator(new BandwidthLimits(Weight: weight));
        _pacer = new Pacer<QueuedPacket>(Estimator.EstimateBps);
        Figures = new FlowFigures(timeline.Now);
    }

    public BandwidthEstimator Estimator { get; }
    public FlowFigures Figures { get; }

    /// <summary>One way, of the whole path; it may change.</summary>
    public TimeSpan Propagation { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The most that the source makes of video.</summary>
    public long MaxVideoBps { get; set; } = 5_000_000;

    /// <summary>Of the share that estimates leave for video; below 1 for a source that does not fill them.</summary>
    public double Appetite { get; init; } = 1;

    /// <summary>What the receiver's clock adds, as it may be anywhere within its 24 bits.</summary>
    public TimeSpan ReceiverClock { get; init; }

    /// <summary>The receiver tells of packets by stream (RFC 8888), each 50 ms, and knows no transport-wide numbers.</summary>
    public bool TellsOfStreams { get; init; }

    /// <summary>Says of a feedback packet whether it comes; null for all.</summary>
    public Func<bool>? FeedbackComes { get; set; }

    public void StartIn(double seconds) => _timeline.In(TimeSpan.FromSeconds(seconds), Start);

    public void PauseBetween(double fromSeconds, double toSeconds)
    {
        _timeline.In(TimeSpan.FromSeconds(fromSeconds), () => SetPaused(true));
        _timeline.In(TimeSpan.FromSeconds(toSeconds), () => SetPaused(false));
    }

    public void StopIn(double seconds) => _timeline.In(TimeSpan.FromSeconds(seconds), () =>
    {
        SetPaused(true);
        HasEnded = true;
    });

    private bool HasEnded { get; set; }

    private void SetPaused(bool paused)
    {
        _isPaused = paused;
        Estimator.SetDemand(paused ? 0 : MaxVideoBps + 60_000);
        Pump();
    }

    private void Start()
    {
        SetPaused(false);
        _timeline.In(TimeSpan.FromMilliseconds(_random.Next(33)), MakeFrame);
        _timeline.In(TimeSpan.FromMilliseconds(_random.Next(20)), MakeAudio);
    }

    private void MakeFrame()
    {
        if (HasEnded)
        {
            return;
        }

        _timeline.In(TimeSpan.FromSeconds(1 / FramesPerSecond), MakeFrame);
        if (_isPaused || _pacer.IsBehind)
        {
            return;
        }

        double target = Math.Min(MaxVideoBps, Appetite * (Estimator.EstimateBps - 48_000));
        if (target < MinVideoBps)
        {
            return;
        }

        int bytes = (int)(target / FramesPerSecond / 8 * (0.85 + 0.3 * _random.NextDouble()));
        int packets = (bytes + PacketBytes - 1) / PacketBytes;
        for (int packet = 0; packet < packets; packet++)
        {
            Offer(PacketClass.Video, Math.Max(bytes / packets, 60));
        }

        Pump();
    }

    private void MakeAudio()
    {
        if (HasEnded)
        {
            return;
        }

        _timeline.In(TimeSpan.FromMilliseconds(20), MakeAudio);
        Offer(PacketClass.Audio, AudioBytes);
        Pump();
    }

    private void Offer(PacketClass kind, int bytes)
    {
        if (_pacer.TrySendNow(kind, bytes, _timeline.Now))
        {
            Transmit(bytes, kind);
        }
        else
        {
            _pacer.TryEnqueue(kind, new QueuedPacket(bytes, kind, _timeline.Now), bytes);
        }
    }

    /// <summary>Does what is due at the sender, and sees to it that it is woken for what comes next.</summary>
    private void Pump()
    {
        Instant now = _timeline.Now;
        if (Estimator.NextDeadline <= now)
        {
            Estimator.HandleDeadline(now);
        }

        _pacer.SetEstimate(Estimator.EstimateBps, Estimator.IsPathFull);
        if (_pacer.ActiveProbe != 0 && _pacer.ActiveProbe != Estimator.OutstandingProbe)
        {
            _pacer.EndProbe();
        }

        if (_pacer.ActiveProbe == 0 && Estimator.TryTakeProbe(now, out ProbeCluster probe))
        {
            _pacer.StartProbe(probe, now);
        }

        while (_pacer.TryDequeue(now, out QueuedPacket packet))
        {
            Figures.OnPacerWait(now - packet.Since);
            Transmit(packet.Bytes, packet.Kind);
        }

        for (int padding = _pacer.PaddingBytes(now); padding > 0 && !HasEnded; padding = _pacer.PaddingBytes(now))
        {
            Transmit(padding, PacketClass.Padding);
            _pacer.OnPaddingSent(padding);
        }

        Wake(Instant.Earlier(_pacer.NextDeadline, Estimator.NextDeadline));
    }

    private void Wake(Instant at)
    {
        Instant soonest = _timeline.Now + TimeSpan.FromMicroseconds(100);
        at = at > soonest ? at : soonest;
        if (HasEnded || at == Instant.Never || _wakeAt > _timeline.Now && _wakeAt <= at)
        {
            return;
        }

        _wakeAt = at;
        _timeline.At(at, () =>
        {
            if (_wakeAt == _timeline.Now)
            {
                _wakeAt = Instant.Never;
                Pump();
            }
        });
    }

    private void Transmit(int bytes, PacketClass kind)
    {
        SequenceNumber sequence = _sequence = _sequence.Next;
        int stream = kind == PacketClass.Audio ? 0 : 1;
        var ssrc = new Ssrc((uint)(10 + stream));
        var streamSequence = new SequenceNumber(_streamSequences[stream]++);
        if (TellsOfStreams)
        {
            Estimator.OnPacketSent(sequence, bytes, _timeline.Now, _pacer.ActiveProbe, ssrc, streamSequence);
        }
        else
        {
            Estimator.OnPacketSent(sequence, bytes, _timeline.Now, _pacer.ActiveProbe);
        }

        Figures.OnSent(kind == PacketClass.Padding);
        Forward(0, bytes, () =>
        {
            Figures.OnArrived(_timeline.Now, bytes);
            if (TellsOfStreams)
            {
                Arrive(ssrc, streamSequence);
            }
            else
            {
                Arrive(sequence);
            }
        });
    }

    private void Forward(int hop, int bytes, Action arrive)
    {
        if (hop == _forward.Length)
        {
            arrive();
            return;
        }

        _forward[hop].Send(this, bytes, Propagation / _forward.Length, () => Forward(hop + 1, bytes, arrive));
    }

    private void Arrive(Ssrc ssrc, SequenceNumber sequence)
    {
        _streamFeedback.OnPacket(ssrc, sequence, _timeline.Now + ReceiverClock);
        if (_feedbackAt == Instant.Never)
        {
            _feedbackAt = _timeline.Now + _streamInterval;
            _timeline.At(_feedbackAt, () =>
            {
                _feedbackAt = Instant.Never;
                Deliver(_streamFeedback.Write(_timeline.Now + ReceiverClock));
            });
        }
    }

    private void Arrive(SequenceNumber sequence)
    {
        _feedback.OnPacket(sequence, _timeline.Now + ReceiverClock);
        if (_feedback.NextDeadline != Instant.Never && (_feedbackAt == Instant.Never || _feedbackAt < _timeline.Now))
        {
            _feedbackAt = _feedback.NextDeadline - ReceiverClock;
            _timeline.At(_feedbackAt, Report);
        }
    }

    private void Report()
    {
        _feedbackAt = Instant.Never;
        while (true)
        {
            var writer = new SpanWriter(_buffer);
            if (!_feedback.WriteFeedback(ref writer, new Ssrc(1), new Ssrc(2)))
            {
                break;
            }

            Deliver(writer.Written.ToArray());
        }
    }

    private void Deliver(byte[] bytes)
    {
        if (bytes.Length == 0 || FeedbackComes?.Invoke() == false)
        {
            return;
        }

        if (_backward is null)
        {
            _timeline.In(Propagation, () => HandleFeedback(bytes));
        }
        else
        {
            _backward.Send(_feedback, bytes.Length + 50, Propagation, () => HandleFeedback(bytes));
        }
    }

    private void HandleFeedback(byte[] bytes)
    {
        Assert.True(RtcpReader.TryParse(bytes, out RtcpReader reader));
        while (reader.TryRead(out RtcpPacket packet))
        {
            if (CongestionControlFeedback.TryParse(packet, out CongestionControlFeedback ofStreams))
            {
                Estimator.HandleFeedback(ofStreams, _timeline.Now);
                continue;
            }

            Assert.True(TransportFeedback.TryParse(packet, out TransportFeedback feedback));
            Estimator.HandleFeedback(feedback, _timeline.Now);
        }

        Figures.OnEstimate(_timeline.Now, Estimator);
        Pump();
    }

    private readonly record struct QueuedPacket(int Bytes, PacketClass Kind, Instant Since);
}
