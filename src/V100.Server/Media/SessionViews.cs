using V100.Net.Crypto;
using V100.Server.Control;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Quality;
using V100.Sfu.Rooms;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Server.Media;

/// <summary>Sessions, streams and tracks in the words of the API.</summary>
internal static class SessionViews
{
    /// <param name="session">The session.</param>
    /// <param name="report">What its worker knows; null before one owns it.</param>
    public static SessionView Of(Session session, PeerReport? report)
    {
        bool connected = session.State == SessionState.Connected;
        SessionQuality? quality = session.Quality;
        List<StreamView> streams = [.. session.Tracks.Select(track => OfReceived(track, ScoreOf(quality, track)))];
        if (report is not null)
        {
            streams.AddRange(report.Sent.ConvertAll(sent => OfSent(sent, ScoreOf(quality, sent.Section))));
        }

        return new SessionView(
            session.Id.ToString(),
            session.Participant.Room.Name,
            session.Participant.Identity,
            KindOf(session.Role),
            session.CreatedAt,
            StateOf(session.State),
            new IceView(report is null ? "new" : "connected", report?.Local.ToString(), report?.Remote.ToString()),
            new DtlsView(report?.Dtls is { } dtls ? StateOf(dtls) : "new", connected ? ProfileOf(report?.SrtpProfile) : null),
            report?.RoundTrip?.TotalMilliseconds,
            report?.Path?.EstimateBps,
            report?.Path is { } path ? ViewOf(path) : null,
            streams,
            QualityViews.Rounded(quality?.Score));
    }

    private static double? ScoreOf(SessionQuality? quality, PublishedTrack track) =>
        QualityViews.Rounded(quality?.Publications.FirstOrDefault(publication => publication.Track == track)?.Score);

    private static double? ScoreOf(SessionQuality? quality, MediaSection section) =>
        QualityViews.Rounded(quality?.Subscriptions.FirstOrDefault(subscription => subscription.Section == section)?.Score);

    private static PathView ViewOf(PathReport path) => new(
        SnakeCase.Of(path.State.Bound.ToString()),
        SnakeCase.Of(path.State.Signal.ToString()),
        path.AcknowledgedBps,
        path.State.DemandBps,
        path.State.DelayBps,
        Limit(path.State.LossBps),
        Limit(path.State.RembBps),
        path.State.LossFraction,
        path.State.QueueMs,
        path.PacerWait.TotalMilliseconds);

    private static long? Limit(long limitBps) => limitBps == long.MaxValue ? null : limitBps;

    public static string KindOf(SessionRole role) => role.HasFlag(SessionRole.Publish) ? "whip" : "whep";

    public static TrackView Of(PublishedTrack track) => new(
        track.Id.ToString(),
        KindOf(track.Kind),
        TrackSourceOrder.NameOf(track.Source),
        CodecOf(track.Figures.Codec),
        (track.Hold & TrackHold.Muted) != 0,
        track.Figures.Packets == 0 ? [] : [.. track.Encodings.OrderBy(encoding => EncodingOrder.PlaceOf(track.Encodings, Array.IndexOf(track.Encodings, encoding))).Select(ViewOf)]);

    private static LayerView ViewOf(EncodingFigures encoding) =>
        new(encoding.Rid, encoding.Width, encoding.Height, encoding.BitrateBps, encoding.FramesPerSecond, encoding.IsWanted);

    private static StreamView OfReceived(PublishedTrack track, double? score)
    {
        TrackFigures figures = track.Figures;
        EncodingFigures largest = track.Encodings.MaxBy(encoding => encoding.BitrateBps == 0 ? 0 : encoding.Width * encoding.Height + 1)!;
        return new StreamView(
            track.Id.ToString(),
            KindOf(track.Kind),
            "in",
            CodecOf(figures.Codec),
            null,
            figures.BitrateBps,
            figures.Packets,
            figures.Bytes,
            figures.Lost,
            figures.FractionLost,
            figures.JitterMicroseconds / 1000.0,
            Known(largest.Width),
            Known(largest.Height),
            track.Kind == MediaKind.Video ? largest.FramesPerSecond : null,
            Score: score);
    }

    private static StreamView OfSent(SentStreamReport sent, double? score) => new(
        sent.Track.Id.ToString(),
        KindOf(sent.Track.Kind),
        "out",
        CodecOf(sent.Codec),
        sent.Layers is { Current: { IsNone: false } current } ? RidOf(sent.Track, current) : null,
        sent.BitrateBps,
        sent.Packets,
        sent.Bytes,
        sent.Lost,
        sent.FractionLost,
        sent.Jitter.TotalMilliseconds,
        Known(sent.Layers?.Width ?? 0),
        Known(sent.Layers?.Height ?? 0),
        sent.Layers?.FramesPerSecond,
        sent.Layers is { Current.IsNone: false } ? sent.Layers.Current.Spatial : null,
        sent.Layers is { Current.IsNone: false } ? sent.Layers.Current.Temporal : null,
        sent.Layers is { Target: { IsNone: false } target } ? ViewOf(sent.Track, target) : null,
        sent.Layers is null ? null : SnakeCase.Of(sent.Layers.Reason.ToString()),
        sent.Layers?.TargetBps,
        sent.Layers is null ? null : sent.Layers.Reason == AllocationReason.PausedByClient,
        score);

    /// <summary>Null for nothing at all.</summary>
    public static LayerTargetView? ViewOf(PublishedTrack? track, LayerTarget target) =>
        target.IsNone ? null : new LayerTargetView(track is null ? null : RidOf(track, target), Layer(target.Spatial), Layer(target.Temporal));

    private static int? Layer(int layer) => layer == PacketLayers.MaxLayer ? null : layer;

    private static string? RidOf(PublishedTrack track, LayerTarget target) =>
        target.Encoding < track.Encodings.Length && track.Encodings[target.Encoding].Rid is { Length: > 0 } rid ? rid : null;

    private static int? Known(int pixels) => pixels == 0 ? null : pixels;

    public static string KindOf(MediaKind kind) => kind == MediaKind.Audio ? "audio" : "video";

    public static string CodecOf(CodecKind? codec) => codec switch
    {
        CodecKind.Opus => "opus",
        CodecKind.Red => "red",
        CodecKind.Vp8 => "VP8",
        CodecKind.Vp9 => "VP9",
        CodecKind.H264 => "H264",
        CodecKind.Av1 => "AV1",
        _ => "",
    };

    private static string StateOf(SessionState state) => state switch
    {
        SessionState.Connecting => "connecting",
        SessionState.Connected => "connected",
        _ => "closed",
    };

    private static string StateOf(DtlsState state) => state switch
    {
        DtlsState.Handshaking => "connecting",
        DtlsState.Established => "connected",
        DtlsState.Failed => "failed",
        _ => "closed",
    };

    private static string? ProfileOf(SrtpProfile? profile) => profile switch
    {
        SrtpProfile.AeadAes128Gcm => "AEAD_AES_128_GCM",
        SrtpProfile.AeadAes256Gcm => "AEAD_AES_256_GCM",
        SrtpProfile.Aes128CmSha1_80 => "AES128_CM_SHA1_80",
        _ => null,
    };
}
