namespace V100.Sfu.Bwe;

/// <summary>
/// Compares the trend of delays with a threshold that adapts (draft-ietf-rmcat-gcc-02, 5.4): a path with jitter, or a neighbour that
/// fills queues by itself, raises it, so that neither silences this sender.
/// </summary>
internal sealed class OveruseDetector
{
    private const double StartThresholdMs = 12.5;
    private const double MinThresholdMs = 6;
    private const double MaxThresholdMs = 600;
    private const double RiseGain = 0.0087;
    private const double FallGain = 0.039;

    /// <summary>A spike this far above the threshold is a change of the path and says nothing of its jitter.</summary>
    private const double MaxAdaptMs = 15;
    private const double MaxStepMs = 100;
    private const double MinOveruseMs = 10;

    private double _overuseMs = -1;
    private int _overuseCount;
    private double _previousTrendMs;
    private long _updatedAtUs;
    private bool _hasUpdated;

    public DelaySignal Signal { get; private set; }
    public double ThresholdMs { get; private set; } = StartThresholdMs;

    /// <param name="trendMs">As <see cref="TrendlineEstimator.TrendMs"/>.</param>
    /// <param name="sendMs">Between the groups' sending.</param>
    /// <param name="arrivalUs">The receiver's clock.</param>
    public void Update(double trendMs, double sendMs, long arrivalUs)
    {
        if (trendMs > ThresholdMs)
        {
            _overuseMs = _overuseMs < 0 ? sendMs / 2 : _overuseMs + sendMs;
            _overuseCount++;
            if (_overuseMs > MinOveruseMs && _overuseCount > 1 && trendMs >= _previousTrendMs)
            {
                _overuseMs = 0;
                _overuseCount = 0;
                Signal = DelaySignal.Overuse;
            }
        }
        else
        {
            _overuseMs = -1;
            _overuseCount = 0;
            Signal = trendMs < -ThresholdMs ? DelaySignal.Underuse : DelaySignal.Normal;
        }

        _previousTrendMs = trendMs;
        Adapt(Math.Abs(trendMs), arrivalUs);
    }

    public void Reset()
    {
        Signal = DelaySignal.Normal;
        _overuseMs = -1;
        _overuseCount = 0;
        _previousTrendMs = 0;
        _hasUpdated = false;
    }

    private void Adapt(double magnitudeMs, long arrivalUs)
    {
        double stepMs = _hasUpdated ? Math.Clamp((arrivalUs - _updatedAtUs) / 1000.0, 0, MaxStepMs) : 0;
        _updatedAtUs = arrivalUs;
        _hasUpdated = true;
        if (magnitudeMs > ThresholdMs + MaxAdaptMs)
        {
            return;
        }

        double gain = magnitudeMs < ThresholdMs ? FallGain : RiseGain;
        ThresholdMs = Math.Clamp(ThresholdMs + gain * (magnitudeMs - ThresholdMs) * stepMs, MinThresholdMs, MaxThresholdMs);
    }
}
