namespace V100.Sfu.Bwe;

/// <summary>What stands behind an estimate, for traces and figures.</summary>
/// <param name="Signal">What delays say.</param>
/// <param name="Bound">Why the estimate is not higher.</param>
/// <param name="TrendMs">The trend of delays with its gain.</param>
/// <param name="ThresholdMs">What the trend is compared with.</param>
/// <param name="QueueMs">The queue that stands on the path.</param>
/// <param name="JitterMs">Of arrivals, beyond that of frames.</param>
/// <param name="LossFraction">Of what was sent.</param>
/// <param name="DelayBps">What delays allow.</param>
/// <param name="LossBps">What losses allow; <see cref="long.MaxValue"/> while they limit nothing.</param>
/// <param name="RembBps">What the receiver said; <see cref="long.MaxValue"/> while it said nothing.</param>
/// <param name="DemandBps">What is wanted.</param>
/// <param name="FeedbackLost">Feedback packets that never came, by their count.</param>
/// <param name="FeedbackRefused">Feedback whose numbers name nothing that was sent, or too much.</param>
public readonly record struct BandwidthState(
    DelaySignal Signal,
    EstimateBound Bound,
    double TrendMs,
    double ThresholdMs,
    double QueueMs,
    double JitterMs,
    double LossFraction,
    long DelayBps,
    long LossBps,
    long RembBps,
    long DemandBps,
    long FeedbackLost,
    long FeedbackRefused);
