using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

/// <summary>What a track shows or lets hear: one of these; what somebody may publish: a set of them.</summary>
[Flags]
public enum TrackSources : byte
{
    None = 0,
    Camera = 1,
    Microphone = 2,
    ScreenShare = 4,
    ScreenShareAudio = 8,
    All = Camera | Microphone | ScreenShare | ScreenShareAudio,
}

/// <summary>WHIP does not say what a track shows (RFC 9725 has no word for it): its place among the tracks of its kind does.</summary>
public static class TrackSourceOrder
{
    /// <summary>The source of a participant's track.</summary>
    /// <param name="kind">Of the track.</param>
    /// <param name="place">Among the participant's tracks of that kind, from 0.</param>
    /// <param name="allowed">What the token lets through: who may share its screen alone has no camera before it.</param>
    public static TrackSources SourceOf(MediaKind kind, int place, TrackSources allowed)
    {
        (TrackSources first, TrackSources second) = kind == MediaKind.Audio
            ? (TrackSources.Microphone, TrackSources.ScreenShareAudio)
            : (TrackSources.Camera, TrackSources.ScreenShare);
        bool hasFirst = (allowed & first) != 0;
        bool hasSecond = (allowed & second) != 0;
        return hasSecond && (place > 0 || !hasFirst) ? second : first;
    }

    /// <summary>As tokens, views and events call one source.</summary>
    public static string NameOf(TrackSources source) => source switch
    {
        TrackSources.Camera => "camera",
        TrackSources.Microphone => "microphone",
        TrackSources.ScreenShare => "screen_share",
        _ => "screen_share_audio",
    };
}
