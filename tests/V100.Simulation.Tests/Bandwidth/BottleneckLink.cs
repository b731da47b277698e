using V100.Net;

namespace V100.Simulation.Bandwidth;

/// <summary>
/// One direction of a path: a rate that may change, a drop-tail queue of a length in time, propagation, loss and jitter. Packets keep their
/// order unless <see cref="Reorders"/>.
/// </summary>
internal sealed class BottleneckLink(Timeline timeline, Random random)
{
    private readonly Queue<Waiting> _queue = new();
    private readonly List<(Instant At, long RateBps)> _rates = [];
    private long _queuedBytes;
    private bool _isBusy;
    private Instant _lastDelivery;
    private double _tokens;
    private Instant _filledAt;

    /// <summary>Above 1 Gbit/s a packet does not wait at all.</summary>
    public long RateBps { get; private set; } = 10_000_000_000;
    public TimeSpan QueueTime { get; set; } = TimeSpan.FromMilliseconds(300);
    public double Loss { get; set; }

    /// <summary>Added evenly from 0 to this.</summary>
    public TimeSpan Jitter { get; set; }
    public bool Reorders { get; set; }

    /// <summary>No queue: what exceeds the rate, and a bucket of the queue's length, is dropped.</summary>
    public bool IsPolicer { get; set; }

    /// <summary>Sees how long each packet of a flow stood in the queue.</summary>
    public Action<object, TimeSpan>? Tap { get; set; }

    public void SetRate(long rateBps)
    {
        RateBps = rateBps;
        _rates.Add((timeline.Now, rateBps));
    }

    /// <summary>Changes the rate at seconds from now.</summary>
    public void Schedule(params (double Seconds, double Mbps)[] rates)
    {
        foreach ((double seconds, double mbps) in rates)
        {
            if (seconds == 0)
            {
                SetRate((long)(mbps * 1e6));
                continue;
            }

            timeline.In(TimeSpan.FromSeconds(seconds), () => SetRate((long)(mbps * 1e6)));
        }
    }

    /// <summary>What could have been carried, in bits.</summary>
    public double Capacity(Instant from, Instant to)
    {
        double bits = 0;
        for (int index = 0; index < _rates.Count; index++)
        {
            Instant begins = _rates[index].At > from ? _rates[index].At : from;
            Instant ends = index + 1 < _rates.Count && _rates[index + 1].At < to ? _rates[index + 1].At : to;
            bits += Math.Max(0, (ends - begins).TotalSeconds) * _rates[index].RateBps;
        }

        return bits;
    }

    /// <param name="flow">Whose it is.</param>
    /// <param name="bytes">Of the packet.</param>
    /// <param name="propagation">Behind the queue.</param>
    /// <param name="deliver">At the far end.</param>
    public void Send(object flow, int bytes, TimeSpan propagation, Action deliver)
    {
        if (random.NextDouble() < Loss || _queuedBytes + bytes > Math.Max(RateBps * QueueTime.TotalSeconds / 8, 3_000))
        {
            return;
        }

        if (IsPolicer)
        {
            Police(bytes, propagation, deliver);
            return;
        }

        _queuedBytes += bytes;
        _queue.Enqueue(new Waiting(flow, bytes, propagation, deliver, timeline.Now));
        if (!_isBusy)
        {
            Transmit();
        }
    }

    private void Police(int bytes, TimeSpan propagation, Action deliver)
    {
        _tokens = Math.Min(RateBps * QueueTime.TotalSeconds / 8, _tokens + (timeline.Now - _filledAt).TotalSeconds * RateBps / 8);
        _filledAt = timeline.Now;
        if (_tokens >= bytes)
        {
            _tokens -= bytes;
            timeline.In(propagation, deliver);
        }
    }

    private void Transmit()
    {
        if (!_queue.TryDequeue(out Waiting? packet))
        {
            _isBusy = false;
            return;
        }

        _isBusy = true;
        Tap?.Invoke(packet.Flow, timeline.Now - packet.Since);
        timeline.In(TimeSpan.FromSeconds(packet.Bytes * 8.0 / RateBps), () =>
        {
            _queuedBytes -= packet.Bytes;
            Instant at = timeline.Now + packet.Propagation + Jitter * random.NextDouble();
            if (!Reorders && Jitter > TimeSpan.Zero)
            {
                at = at > _lastDelivery ? at : _lastDelivery;
                _lastDelivery = at;
            }

            timeline.At(at, packet.Deliver);
            Transmit();
        });
    }

    private sealed record Waiting(object Flow, int Bytes, TimeSpan Propagation, Action Deliver, Instant Since);
}
