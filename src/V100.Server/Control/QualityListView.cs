namespace V100.Server.Control;

/// <summary>How a participant fares: scores of 1 to 5, absent where there is nothing to score.</summary>
/// <param name="Identity">The participant.</param>
/// <param name="Score">That of its worst session.</param>
/// <param name="Cause">What spoils that one: <c>bad_uplink</c>, <c>bad_downlink</c>, <c>slow_device</c>; absent where nothing does.</param>
/// <param name="Sessions">What it publishes and plays.</param>
internal sealed record ParticipantQualityView(string Identity, double? Score, string? Cause, IReadOnlyList<SessionQualityView> Sessions);

/// <param name="Kind"><c>whip</c> or <c>whep</c>.</param>
/// <param name="Score">The mean of its streams' scores, or what its client says where that is less.</param>
/// <param name="Cause">What spoils its worst stream.</param>
/// <param name="Publications">What comes in.</param>
/// <param name="Subscriptions">What goes out.</param>
/// <param name="Beacon">What its client said last, where that is not old.</param>
/// <param name="Series">The scores of the last hour, in tens of seconds, where they were asked for.</param>
internal sealed record SessionQualityView(
    string Kind,
    double? Score,
    string? Cause,
    IReadOnlyList<StreamQualityView> Publications,
    IReadOnlyList<StreamQualityView> Subscriptions,
    BeaconView? Beacon,
    IReadOnlyList<QualityPointView>? Series);

/// <param name="TrackId">The published track; absent for a subscription that plays none.</param>
/// <param name="Subscription">The track id that the subscriber's answer gave the section.</param>
/// <param name="Kind"><c>audio</c> or <c>video</c>.</param>
/// <param name="Score">By G.107 for sound, by G.1070 for a picture.</param>
/// <param name="Cause">What spoils it.</param>
/// <param name="Inputs">What the score is made of; absent without one.</param>
internal sealed record StreamQualityView(string? TrackId, string? Subscription, string Kind, double? Score, string? Cause, QualityInputsView? Inputs);

/// <param name="Codec">Such as <c>opus</c>.</param>
/// <param name="UplinkLossFraction">0 to 1, after repair.</param>
/// <param name="DownlinkLossFraction">0 to 1, after repair, without what was lost before.</param>
/// <param name="UplinkRoundTripMs">0 while unknown.</param>
/// <param name="DownlinkRoundTripMs">0 while unknown.</param>
/// <param name="JitterMs">Of arrival.</param>
/// <param name="DelayMs">Of sound, from mouth to ear.</param>
/// <param name="BitrateBps">Of sound while somebody speaks, of a picture while it moves.</param>
/// <param name="Width">In pixels.</param>
/// <param name="Height">In pixels.</param>
/// <param name="FramesPerSecond">Absent for what need not move.</param>
/// <param name="FrozenFraction">0 to 1, of the time.</param>
/// <param name="Enlargement">How many pixels are wanted for each that comes.</param>
internal sealed record QualityInputsView(
    string Codec,
    double UplinkLossFraction,
    double DownlinkLossFraction,
    double UplinkRoundTripMs,
    double DownlinkRoundTripMs,
    double JitterMs,
    double? DelayMs,
    double BitrateBps,
    int? Width,
    int? Height,
    double? FramesPerSecond,
    double? FrozenFraction,
    double? Enlargement);

/// <summary>What lies between the last two beacons of a session.</summary>
internal sealed record BeaconView(
    double? Score,
    double LossFraction,
    double ConcealedFraction,
    double FrozenFraction,
    double FreezeCount,
    double FramesPerSecond,
    double FrameWidth,
    double FrameHeight,
    double BitrateBps,
    double JitterMs,
    double RoundTripMs);

/// <param name="At">When its ten seconds began.</param>
/// <param name="Score">The mean.</param>
/// <param name="Lowest">The lowest.</param>
internal sealed record QualityPointView(DateTimeOffset At, double Score, double Lowest);

internal sealed record QualityListView(DateTimeOffset At, IReadOnlyList<ParticipantQualityView> Participants);
