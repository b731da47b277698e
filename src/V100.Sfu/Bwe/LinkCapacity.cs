namespace V100.Sfu.Bwe;

/// <summary>
/// What the path carried when it was last full: the mean of the acknowledged rates at overuse, and how far they lie apart
/// (draft-ietf-rmcat-gcc-02, 5.5). Near it the rate is raised with care.
/// </summary>
internal sealed class LinkCapacity
{
    private const double Weight = 0.05;
    private const double MinVariance = 0.4;
    private const double MaxVariance = 2.5;

    private double _meanKbps;
    private double _variance = MinVariance;

    public bool IsKnown { get; private set; }

    /// <summary>0 while there was no overuse; the last known, when it was forgotten.</summary>
    public double MeanBps => _meanKbps * 1000;

    private double DeviationKbps => Math.Sqrt(_variance * _meanKbps);

    public bool IsAbove(double bps) => IsKnown && bps / 1000 > _meanKbps + 3 * DeviationKbps;

    public bool IsBelow(double bps) => IsKnown && bps / 1000 < _meanKbps - 3 * DeviationKbps;

    public void OnOveruse(double acknowledgedBps)
    {
        double kbps = acknowledgedBps / 1000;
        _meanKbps = IsKnown ? (1 - Weight) * _meanKbps + Weight * kbps : kbps;
        IsKnown = true;
        double error = _meanKbps - kbps;
        _variance = (1 - Weight) * _variance + Weight * error * error / Math.Max(_meanKbps, 1);
        _variance = Math.Clamp(_variance, MinVariance, MaxVariance);
    }

    public void Forget() => IsKnown = false;
}
