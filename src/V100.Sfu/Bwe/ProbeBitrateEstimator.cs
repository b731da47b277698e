using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// What a probe cluster measured: the lesser of the rate at which its packets were sent and that at which they came. It has a result once
/// four fifths of it came, or once its packets come later and later: then the rate at which those came, since what came before them may have been
/// a shaper's bucket.
/// </summary>
internal sealed class ProbeBitrateEstimator
{
    private const double MinShare = 0.8;

    /// <summary>Packets that came so much faster than they were sent were held back on their way, and measure nothing.</summary>
    private const double MaxCompression = 2;

    /// <summary>Below this share of the sent rate the path was full: a little less than it carried is taken.</summary>
    private const double FullShare = 0.9;
    private const double FullTarget = 0.95;
    private const double MaxSeconds = 1.5;
    private const int MinQueuedPackets = 6;

    /// <summary>A receiver that does something else for a moment makes packets late too.</summary>
    private const double MinQueuedSeconds = 0.03;

    /// <summary>A packet that stands so much longer in the path's queue than the fastest, and jitter besides, shows that a queue grows;</summary>
    private const double MinGrowthMs = 4;

    /// <summary>and so much, that it has grown enough.</summary>
    private const double MaxGrowthMs = 16;
    private const double GrowthOverJitter = 3;

    /// <summary>Where packets are held back by more than this at random, growing delays show no queue.</summary>
    public static readonly TimeSpan MaxJitter = TimeSpan.FromMilliseconds(2);

    private ProbeCluster _cluster;
    private TimeSpan _jitter;
    private PacketRun _whole;
    private PacketRun _queued;
    private long _leastDelayUs;
    private bool _isDone = true;

    /// <param name="cluster">What is sent.</param>
    /// <param name="jitter">By which arrivals are uncertain: they are taken to have lasted that much longer.</param>
    public void Begin(in ProbeCluster cluster, TimeSpan jitter)
    {
        _jitter = jitter;
        _cluster = cluster;
        _whole = default;
        _queued = default;
        _leastDelayUs = long.MaxValue;
        _isDone = false;
    }

    /// <summary>The result is what the full path carried, no matter what lets more pass for a moment.</summary>
    public bool FoundFull { get; private set; }

    /// <summary>Takes a packet of a cluster that came. True, once for each cluster, with the result.</summary>
    public bool OnPacket(int id, Instant sentAt, long arrivalUs, int bytes, out long resultBps)
    {
        resultBps = 0;
        if (_isDone || id != _cluster.Id)
        {
            return false;
        }

        long delayUs = arrivalUs - sentAt.Nanoseconds / 1000;
        _leastDelayUs = Math.Min(_leastDelayUs, delayUs);
        double growthMs = (delayUs - _leastDelayUs) / 1e3 - GrowthOverJitter * _jitter.TotalMilliseconds;
        _whole.Add(sentAt, arrivalUs, bytes);
        if (growthMs <= MinGrowthMs)
        {
            _queued = default;
        }
        else
        {
            _queued.Add(sentAt, arrivalUs, bytes);
        }

        // Packets that were held back somewhere and then came all at once are late too, but not later and later.
        FoundFull = _jitter <= MaxJitter && growthMs > MaxGrowthMs && _queued.Packets >= MinQueuedPackets
            && _queued.ArrivalSeconds >= MinQueuedSeconds && _queued.ArrivedBps(TimeSpan.Zero) < FullShare * Math.Min(_queued.SentBps, _cluster.RateBps);
        return (FoundFull || _whole.Packets >= MinShare * _cluster.Packets && _whole.Bytes >= MinShare * _cluster.Bytes) && TryMeasure(out resultBps);
    }

    public void Reset() => _isDone = true;

    private bool TryMeasure(out long resultBps)
    {
        resultBps = 0;
        PacketRun measured = FoundFull ? _queued : _whole;
        if (measured.SendSeconds is <= 0 or > MaxSeconds || measured.ArrivalSeconds is <= 0 or > MaxSeconds)
        {
            return false;
        }

        double sentBps = measured.SentBps;
        double arrivedBps = measured.ArrivedBps(_jitter);
        if (measured.ArrivedBps(TimeSpan.Zero) > MaxCompression * sentBps)
        {
            return false;
        }

        _isDone = true;
        double result = arrivedBps < FullShare * sentBps ? FullTarget * arrivedBps : Math.Min(sentBps, arrivedBps);
        resultBps = (long)Math.Min(result, _cluster.RateBps);
        return true;
    }

    /// <summary>A run of packets, by when they were sent and when they came.</summary>
    private struct PacketRun
    {
        private (Instant At, int Bytes) _firstSent;
        private (Instant At, int Bytes) _lastSent;
        private (long AtUs, int Bytes) _firstArrival;
        private (long AtUs, int Bytes) _lastArrival;

        public int Packets { get; private set; }
        public long Bytes { get; private set; }
        public readonly double SendSeconds => (_lastSent.At - _firstSent.At).TotalSeconds;
        public readonly double ArrivalSeconds => (_lastArrival.AtUs - _firstArrival.AtUs) / 1e6;

        /// <summary>Between the first and the last of n packets lie n - 1 of them.</summary>
        public readonly double SentBps => (Bytes - _lastSent.Bytes) * 8 / SendSeconds;

        public readonly double ArrivedBps(TimeSpan jitter) => (Bytes - _firstArrival.Bytes) * 8 / (ArrivalSeconds + jitter.TotalSeconds);

        public void Add(Instant sentAt, long arrivalUs, int bytes)
        {
            if (Packets == 0)
            {
                _firstSent = _lastSent = (sentAt, bytes);
                _firstArrival = _lastArrival = (arrivalUs, bytes);
            }

            _firstSent = sentAt < _firstSent.At ? (sentAt, bytes) : _firstSent;
            _lastSent = sentAt >= _lastSent.At ? (sentAt, bytes) : _lastSent;
            _firstArrival = arrivalUs < _firstArrival.AtUs ? (arrivalUs, bytes) : _firstArrival;
            _lastArrival = arrivalUs >= _lastArrival.AtUs ? (arrivalUs, bytes) : _lastArrival;
            Packets++;
            Bytes += bytes;
        }
    }
}
