using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Simulation.Bandwidth;

/// <summary>What one flow got and did, to be asked for any stretch of time, in seconds from the start.</summary>
internal sealed class FlowFigures(Instant start)
{
    private const double BinSeconds = 0.1;

    private readonly List<(double At, double Ms)> _queueing = [];
    private readonly List<double> _pacing = [];
    private readonly List<double> _bins = [];

    public List<(double At, long Bps, BandwidthState State, double RoundTripMs)> Estimates { get; } = [];
    public long Sent { get; private set; }
    public long Padding { get; private set; }
    public long Arrived { get; private set; }

    public double Loss => Sent == 0 ? 0 : 1 - (double)Arrived / Sent;
    public double PacerP95Ms => Percentile(_pacing, 0.95);

    public void OnSent(bool isPadding)
    {
        Sent++;
        Padding += isPadding ? 1 : 0;
    }

    public void OnArrived(Instant now, int bytes)
    {
        Arrived++;
        int bin = (int)((now - start).TotalSeconds / BinSeconds);
        while (_bins.Count <= bin)
        {
            _bins.Add(0);
        }

        _bins[bin] += bytes * 8;
    }

    public void OnQueued(Instant now, TimeSpan waited) => _queueing.Add(((now - start).TotalSeconds, waited.TotalMilliseconds));

    public void OnPacerWait(TimeSpan waited) => _pacing.Add(waited.TotalMilliseconds);

    public void OnEstimate(Instant now, BandwidthEstimator estimator) => Estimates.Add(
        ((now - start).TotalSeconds, estimator.EstimateBps, estimator.State, estimator.RoundTrip?.TotalMilliseconds ?? 0));

    /// <summary>What arrived, in bits per second.</summary>
    public double RateBps(double from, double to)
    {
        double bits = 0;
        for (int bin = (int)Math.Round(from / BinSeconds); bin < (int)Math.Round(to / BinSeconds) && bin < _bins.Count; bin++)
        {
            bits += _bins[bin];
        }

        return bits / (to - from);
    }

    public double QueueP95Ms(double from, double to) =>
        Percentile([.. _queueing.Where(sample => sample.At >= from && sample.At < to).Select(sample => sample.Ms)], 0.95);

    /// <summary>Seconds from <paramref name="from"/> until the estimate is at or below; infinite when never.</summary>
    public double SecondsUntilBelow(double from, double bps) => Seconds(from, estimate => estimate <= bps);

    /// <summary>Seconds from <paramref name="from"/> until the estimate is at or above; infinite when never.</summary>
    public double SecondsUntilAbove(double from, double bps) => Seconds(from, estimate => estimate >= bps);

    private double Seconds(double from, Predicate<long> holds)
    {
        foreach ((double at, long bps, _, _) in Estimates)
        {
            if (at >= from && holds(bps))
            {
                return at - from;
            }
        }

        return double.PositiveInfinity;
    }

    private static double Percentile(List<double> samples, double share)
    {
        if (samples.Count == 0)
        {
            return 0;
        }

        List<double> sorted = [.. samples.Order()];
        return sorted[(int)(share * (sorted.Count - 1))];
    }
}
