using V100.Net;
using V100.Server.Control;
using V100.Sfu.Quality;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Server.Media;

/// <summary>Scores and what they are made of in the words of the API.</summary>
/// <param name="now">The present, for whoever has no wall clock.</param>
/// <param name="utcNow">The same for people.</param>
/// <param name="since">Where series begin; null for none.</param>
internal sealed class QualityViews(Instant now, DateTimeOffset utcNow, DateTimeOffset? since)
{
    public ParticipantQualityView Of(Participant participant) => new(
        participant.Identity,
        Rounded(participant.Score),
        NameOf(participant.Cause),
        [.. participant.Sessions.Where(session => session.Quality is not null).Select(session => Of(session, session.Quality!))]);

    /// <summary>With two decimals, as events have it.</summary>
    public static double? Rounded(double? score) => score is { } value ? Math.Round(value, 2) : null;

    private SessionQualityView Of(Session session, SessionQuality quality) => new(
        SessionViews.KindOf(session.Role),
        Rounded(quality.Score),
        NameOf(quality.Cause),
        [.. quality.Publications.Select(Of)],
        [.. quality.Subscriptions.Select(Of)],
        quality.Beacon is { } beacon ? Of(beacon) : null,
        since is null ? null : quality.History.Since(ToInstant(since.Value)).ConvertAll(Of));

    private static StreamQualityView Of(PublicationQuality publication) => new(
        publication.Track.Id.ToString(),
        null,
        SessionViews.KindOf(publication.Track.Kind),
        Rounded(publication.Score),
        NameOf(publication.Cause),
        publication.Score is null ? null : Of(publication.Inputs));

    private static StreamQualityView Of(SubscriptionQuality subscription) => new(
        subscription.Track?.Id.ToString(),
        subscription.Section.Sender.TrackId,
        SessionViews.KindOf(subscription.Section.Kind),
        Rounded(subscription.Score),
        NameOf(subscription.Cause),
        subscription.Score is null ? null : Of(subscription.Inputs));

    private static QualityInputsView Of(QualityInputs inputs)
    {
        bool isPicture = inputs.Kind == MediaKind.Video;
        return new QualityInputsView(
            SessionViews.CodecOf(inputs.Codec),
            inputs.UplinkLoss,
            inputs.DownlinkLoss,
            inputs.UplinkRoundTripMs,
            inputs.DownlinkRoundTripMs,
            Math.Max(inputs.UplinkJitterMs, inputs.JitterMs),
            isPicture ? null : inputs.DelayMs,
            inputs.BitrateBps,
            isPicture ? inputs.Width : null,
            isPicture ? inputs.Height : null,
            isPicture && double.IsFinite(inputs.FramesPerSecond) ? inputs.FramesPerSecond : null,
            isPicture ? inputs.FrozenShare : null,
            isPicture ? inputs.Enlargement : null);
    }

    private static BeaconView Of(BeaconInterval beacon) => new(
        Rounded(beacon.Score),
        beacon.Loss,
        beacon.ConcealedShare,
        beacon.FrozenShare,
        beacon.Freezes,
        beacon.DecodedPerSecond,
        beacon.Last.FrameWidth,
        beacon.Last.FrameHeight,
        beacon.BitrateBps,
        beacon.Last.JitterMs,
        beacon.Last.RoundTripMs);

    private QualityPointView Of(QualityPoint point) => new(utcNow - (now - point.At), Math.Round(point.Mean, 2), Math.Round(point.Lowest, 2));

    private Instant ToInstant(DateTimeOffset time) => now - TimeSpan.FromTicks(Math.Clamp((utcNow - time).Ticks, 0, TimeSpan.TicksPerDay));

    private static string? NameOf(QualityCause cause) => cause == QualityCause.None ? null : SnakeCase.Of(cause.ToString());
}
