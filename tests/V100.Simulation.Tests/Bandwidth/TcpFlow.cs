using V100.Net;

namespace V100.Simulation.Bandwidth;

/// <summary>A transfer that fills the path as Reno does: slow start, one packet more a round trip, half at a loss, one at a timeout.</summary>
internal sealed class TcpFlow(Timeline timeline, BottleneckLink forward, TimeSpan propagation)
{
    private const int PacketBytes = 1_240;
    private const int ReorderPackets = 3;

    private static readonly TimeSpan _timeout = TimeSpan.FromSeconds(1);

    private readonly HashSet<long> _inFlight = [];
    private double _window = 10;
    private double _threshold = double.PositiveInfinity;
    private long _next;
    private long _recoveredAt;
    private long _left;
    private Instant _progressAt;

    public FlowFigures Figures { get; } = new(timeline.Now);

    /// <summary>All of it arrived, and nothing is left to send.</summary>
    public Action? Completed { get; set; }

    public void StartIn(double seconds, long bytes = long.MaxValue / 2) => timeline.In(TimeSpan.FromSeconds(seconds), () => Begin(bytes));

    private void Begin(long bytes)
    {
        _left = bytes;
        _window = 10;
        _threshold = double.PositiveInfinity;
        _progressAt = timeline.Now;
        Send();
        timeline.In(_timeout, CheckTimeout);
    }

    private void Send()
    {
        while (_inFlight.Count < _window && _left > 0)
        {
            _left -= PacketBytes;
            long number = _next++;
            _inFlight.Add(number);
            Figures.OnSent(isPadding: false);
            forward.Send(this, PacketBytes, propagation, () =>
            {
                Figures.OnArrived(timeline.Now, PacketBytes);
                timeline.In(propagation, () => Acknowledge(number));
            });
        }
    }

    private void Acknowledge(long number)
    {
        if (!_inFlight.Remove(number))
        {
            return;
        }

        _progressAt = timeline.Now;
        _window += _window < _threshold ? 1 : 1 / _window;
        long[] lost = [.. _inFlight.Where(other => other <= number - ReorderPackets)];
        foreach (long other in lost)
        {
            _inFlight.Remove(other);
            _left += PacketBytes;
            if (other >= _recoveredAt)
            {
                _recoveredAt = _next;
                _threshold = _window = Math.Max(2, _window / 2);
            }
        }

        Send();
        if (_inFlight.Count == 0 && _left <= 0)
        {
            Completed?.Invoke();
        }
    }

    private void CheckTimeout()
    {
        if (_inFlight.Count == 0 && _left <= 0)
        {
            return;
        }

        if (timeline.Now - _progressAt >= _timeout)
        {
            _left += _inFlight.Count * PacketBytes;
            _inFlight.Clear();
            _threshold = Math.Max(2, _window / 2);
            _window = 1;
            _progressAt = timeline.Now;
            Send();
        }

        timeline.In(_timeout / 4, CheckTimeout);
    }
}
