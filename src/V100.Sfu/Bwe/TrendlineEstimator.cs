namespace V100.Sfu.Bwe;

/// <summary>
/// The slope of the one-way delay: a least-squares line through the last groups' smoothed delays (the trendline filter that took the
/// Kalman filter's place of draft-ietf-rmcat-gcc-02, 5.3). Positive while a queue grows.
/// </summary>
internal sealed class TrendlineEstimator
{
    public const int WindowLength = 20;

    private const double Smoothing = 0.9;
    private const double Gain = 4;
    private const int MaxDeltas = 60;

    private readonly (double AtMs, double DelayMs)[] _points = new (double, double)[WindowLength];
    private long _firstArrivalUs;
    private double _delayMs;
    private double _smoothedMs;
    private int _count;

    /// <summary>Milliseconds of delay gained per millisecond.</summary>
    public double Slope { get; private set; }

    /// <summary>The slope with its gain, which grows until the window has seen enough groups: what thresholds compare with, in ms.</summary>
    public double TrendMs => Slope * Math.Min(_count, MaxDeltas) * Gain;

    public int Count => _count;

    public void Update(in GroupDelta delta)
    {
        if (_count == 0)
        {
            _firstArrivalUs = delta.ArrivedAtUs;
        }

        _delayMs += delta.DelayMs;
        _smoothedMs = Smoothing * _smoothedMs + (1 - Smoothing) * _delayMs;
        _points[_count % WindowLength] = ((delta.ArrivedAtUs - _firstArrivalUs) / 1000.0, _smoothedMs);
        _count++;
        if (_count >= 1_000 * WindowLength)
        {
            // A multiple of the window, so that the ring stays in step.
            _count -= 900 * WindowLength;
        }

        if (_count >= WindowLength)
        {
            Fit();
        }
    }

    public void Reset()
    {
        _count = 0;
        _delayMs = 0;
        _smoothedMs = 0;
        Slope = 0;
    }

    private void Fit()
    {
        double meanX = 0;
        double meanY = 0;
        foreach ((double x, double y) in _points)
        {
            meanX += x;
            meanY += y;
        }

        meanX /= WindowLength;
        meanY /= WindowLength;
        double numerator = 0;
        double denominator = 0;
        foreach ((double x, double y) in _points)
        {
            numerator += (x - meanX) * (y - meanY);
            denominator += (x - meanX) * (x - meanX);
        }

        Slope = denominator > 0 ? numerator / denominator : Slope;
    }
}
