using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// What a probe cluster measured: the lesser of the rate at which its packets were sent and that at which they came. It has a result once
/// four fifths of it came.
/// </summary>
internal sealed class ProbeBitrateEstimator
{
    private const double MinShare = 0.8;

    /// <summary>Packets that came so much faster than they were sent were held back on their way, and measure nothing.</summary>
    private const double MaxCompression = 2;

    /// <summary>Below this share of the sent rate the path was full: a little less than it carried is taken.</summary>
    private const double FullShare = 0.9;
    private const double FullTarget = 0.95;
    private const double MaxSeconds = 1;

    private ProbeCluster _cluster;
    private double _jitterSeconds;
    private int _packets;
    private long _bytes;
    private (Instant At, int Bytes) _firstSent;
    private (Instant At, int Bytes) _lastSent;
    private (long AtUs, int Bytes) _firstArrival;
    private (long AtUs, int Bytes) _lastArrival;
    private bool _isDone = true;

    /// <param name="cluster">What is sent.</param>
    /// <param name="jitter">By which arrivals are uncertain: they are taken to have lasted that much longer.</param>
    public void Begin(in ProbeCluster cluster, TimeSpan jitter)
    {
        _jitterSeconds = jitter.TotalSeconds;
        _cluster = cluster;
        _packets = 0;
        _bytes = 0;
        _isDone = false;
    }

    /// <summary>Takes a packet of a cluster that came. True, once for each cluster, with the result.</summary>
    public bool OnPacket(int id, Instant sentAt, long arrivalUs, int bytes, out long resultBps)
    {
        resultBps = 0;
        if (_isDone || id != _cluster.Id)
        {
            return false;
        }

        if (_packets == 0)
        {
            _firstSent = _lastSent = (sentAt, bytes);
            _firstArrival = _lastArrival = (arrivalUs, bytes);
        }

        _firstSent = sentAt < _firstSent.At ? (sentAt, bytes) : _firstSent;
        _lastSent = sentAt >= _lastSent.At ? (sentAt, bytes) : _lastSent;
        _firstArrival = arrivalUs < _firstArrival.AtUs ? (arrivalUs, bytes) : _firstArrival;
        _lastArrival = arrivalUs >= _lastArrival.AtUs ? (arrivalUs, bytes) : _lastArrival;
        _packets++;
        _bytes += bytes;
        return _packets >= MinShare * _cluster.Packets && _bytes >= MinShare * _cluster.Bytes && TryMeasure(out resultBps);
    }

    public void Reset() => _isDone = true;

    private bool TryMeasure(out long resultBps)
    {
        resultBps = 0;
        double sendSeconds = (_lastSent.At - _firstSent.At).TotalSeconds;
        double arrivalSeconds = (_lastArrival.AtUs - _firstArrival.AtUs) / 1e6;
        if (sendSeconds is <= 0 or > MaxSeconds || arrivalSeconds is <= 0 or > MaxSeconds)
        {
            return false;
        }

        // Between the first and the last of n packets lie n - 1 of them.
        double sentBps = (_bytes - _lastSent.Bytes) * 8 / sendSeconds;
        double arrivedBps = (_bytes - _firstArrival.Bytes) * 8 / (arrivalSeconds + _jitterSeconds);
        if ((_bytes - _firstArrival.Bytes) * 8 / arrivalSeconds > MaxCompression * sentBps)
        {
            return false;
        }

        _isDone = true;
        double result = arrivedBps < FullShare * sentBps ? FullTarget * arrivedBps : Math.Min(sentBps, arrivedBps);
        resultBps = (long)result;
        return true;
    }
}
