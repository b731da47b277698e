using System.Text.Json.Serialization;
using V100.Server.Control;

namespace V100.Server.Media;

/// <summary>One line of a trace: a decision about a session, with the numbers that led to it. Null stands for "does not belong to this kind", or "not known".</summary>
/// <param name="At">When, to the microsecond.</param>
/// <param name="Session">Its id.</param>
/// <param name="Decision"><c>estimate</c>, <c>probe</c>, <c>allocation</c>, <c>switch</c>, <c>skip</c>, <c>keyframe_request</c>, <c>wish</c>.</param>
/// <param name="TrackId">The published track.</param>
/// <param name="From">Of an allocation the former target, of a switch and a skip what was sent.</param>
/// <param name="To">Of an allocation the target, of a switch what is sent, of a keyframe request whose keyframe.</param>
/// <param name="Reason">As in <see cref="StreamView.Reason"/>.</param>
/// <param name="EstimateBps">Of the path.</param>
/// <param name="FormerEstimateBps">As the trace told it last.</param>
/// <param name="Path">What stands behind the estimate.</param>
/// <param name="Probe">What is tried.</param>
/// <param name="AudioBps">What sound takes off the estimate first.</param>
/// <param name="TotalBps">Of all video of the session.</param>
/// <param name="NextStepBps">What it would be with the next step up; 0 for none.</param>
/// <param name="Options">What there was to choose from.</param>
/// <param name="Limits">What the subscriber limits itself to.</param>
/// <param name="PacerQueueMs">How long the video that waits will take.</param>
/// <param name="Wanted">The encodings that somebody takes, by rid, or by place in the offer where they have none.</param>
internal sealed record TraceLine(
    DateTimeOffset At,
    string Session,
    string Decision,
    string? TrackId,
    LayerTargetView? From,
    LayerTargetView? To,
    string? Reason,
    long? EstimateBps,
    long? FormerEstimateBps,
    TracePath? Path,
    TraceProbe? Probe,
    long? AudioBps,
    long? TotalBps,
    long? NextStepBps,
    IReadOnlyList<TraceOption>? Options,
    LayerLimitView? Limits,
    double? PacerQueueMs,
    IReadOnlyList<string>? Wanted);

internal sealed record TracePath(
    string Bound,
    string Signal,
    double TrendMs,
    double ThresholdMs,
    double QueueMs,
    double JitterMs,
    double LossFraction,
    long DelayBps,
    long? LossBps,
    long? ReceiverBps,
    long WantedBps);

internal sealed record TraceProbe(int Id, long RateBps, int Bytes, int Packets);

internal sealed record TraceOption(string? Layer, int Spatial, int Temporal, long BitrateBps, int Width, int Height, double FramesPerSecond);

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Serialization,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TraceLine))]
internal sealed partial class TraceJson : JsonSerializerContext;
